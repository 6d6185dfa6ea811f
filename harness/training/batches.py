"""Training features, the order in which they are drawn, and padded batches of them.

Everything here is a pure function of the seed, the epoch and the feature's index, and draws nothing
from the global random state: a run that was stopped and resumed in the middle of an epoch sees the
batches of one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from harness.tasks.task import IGNORED

FAR_BELOW = -1e4
"""Pads logits: its probability is 0 in float32, and unlike -inf it times 0 is 0."""

Feature = Mapping[str, Any]
"""One feature: arrays (a number a token, or a class; or a row of them a token), integers, and floats, by name."""


class FeatureDataset(Dataset[Feature]):
    """Features by ``(epoch, index)``, as `EpochSampler` names them.

    ``columns`` maps a name to one entry a feature. ``augment`` (features of ``(epoch, index)``) adds
    what differs from epoch to epoch, such as the masks of masked language modelling.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Any]],
        augment: Callable[[Feature, int, int], Feature] | None = None,
    ) -> None:
        self.columns = dict(columns)
        self.augment = augment

    def __len__(self) -> int:
        return len(self.columns["input_ids"])

    def __getitem__(self, key: tuple[int, int]) -> Feature:
        epoch, index = key
        feature = {name: column[index] for name, column in self.columns.items()}
        return self.augment(feature, epoch, index) if self.augment else feature

    def lengths(self) -> NDArray[np.int64]:
        return np.array([len(ids) for ids in self.columns["input_ids"]], dtype=np.int64)


class EpochSampler(Sampler[tuple[int, int]]):
    """Each feature once an epoch, in batches of similar length: little padding, batches in random order.

    The features are shuffled, cut into pools of 50 batches, sorted by length inside each pool and cut
    into batches; the batches are shuffled, and the one that is not full comes last.
    """

    batches_a_pool = 50

    def __init__(self, lengths: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(len(self.lengths))
        pool = self.batches_a_pool * self.batch_size
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(order), pool):
            members = order[start : start + pool]
            members = members[np.argsort(self.lengths[members], kind="stable")]
            batches += [members[at : at + self.batch_size] for at in range(0, len(members), self.batch_size)]
        full = [batch for batch in batches if len(batch) == self.batch_size]
        rest = [batch for batch in batches if len(batch) < self.batch_size]
        for number in [
            *random.permutation(len(full)),
            *range(len(full), len(full) + len(rest)),
        ]:
            batch = full[number] if number < len(full) else rest[number - len(full)]
            for index in batch:
                yield self.epoch, int(index)


class Collator:
    """Pads the features of a batch to its longest one: integers to int64, floats to float32 tensors."""

    def __init__(self, pad_token_id: int) -> None:
        self.padding: dict[str, float] = {"input_ids": pad_token_id, "labels": IGNORED}

    def __call__(self, features: Sequence[Feature]) -> dict[str, torch.Tensor]:
        return {name: self._stack(name, [f[name] for f in features]) for name in features[0]}

    def _stack(self, name: str, values: Sequence[Any]) -> torch.Tensor:
        if np.ndim(values[0]) == 0:
            return torch.tensor(values, dtype=torch.float32 if isinstance(values[0], float) else torch.int64)
        floating = np.issubdtype(values[0].dtype, np.floating)
        padding = FAR_BELOW if floating else self.padding.get(name, 0)
        kind = np.float32 if floating else np.int64
        longest = max(len(value) for value in values)
        padded = np.full((len(values), longest, *values[0].shape[1:]), padding, dtype=kind)
        for row, value in zip(padded, values, strict=True):
            row[: len(value)] = value
        return torch.from_numpy(padded)
