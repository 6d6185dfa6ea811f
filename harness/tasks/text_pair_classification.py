"""Classification of pairs: two texts in, one class out, such as entailment or paraphrase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.examples.records import Example, TextPair
from harness.tasks.text_classification import TextClassificationTask

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.config.data import DataSource
    from harness.config.tasks import TaskSettings


class TextPairClassificationTask(TextClassificationTask):
    """An attack changes the second text, as TextFooler changes hypotheses (Jin et al. 2020), or else the first."""

    name = "text-pair-classification"
    unit = "pair"
    attack_targets = ("text_pair", "text")
    left_out: ClassVar[Mapping[str, str]] = {"explanation": "LIME and SHAP are asked about one text"}

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        super().check_settings(place, settings)
        cls.refuse(place, settings, {})
        attack = settings.characteristics.attack
        if attack is not None and (attack.recipe is not None or attack.mode == "reference"):
            option, whose = (
                ("mode", "the authors' code") if attack.recipe is None else ("recipe", "TextAttack's recipe")
            )
            raise UserError(f"{place}.characteristics.attack.{option}: {whose} attacks single texts only; remove it")

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_labelled_pairs

        return read_labelled_pairs(source, labels, role)

    def probes(self, probe: str, odd: str) -> list[Example]:
        return [
            TextPair(f"made up: {name}", "", first, 0, second)
            for name, (first, second) in pair_probes(odd, self.max_length).items()
        ]

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        from benchmarks.characteristics.attributes import of_pairs

        pairs = cast("Sequence[TextPair]", examples)
        classes = [labels[pair.label] if labels else str(pair.label) for pair in pairs]
        return of_pairs([(pair.text, pair.text_pair) for pair in pairs], classes, confidence)


def pair_probes(odd: str, max_length: int) -> dict[str, tuple[str, str]]:
    """Made-up pairs of the text ``odd``: as it is, and longer than ``max_length`` tokens, either text and both."""
    long = odd * (1 + max_length // 8)
    return {"odd": (odd, odd), "too long": (long, long), "first too long": (long, odd), "last too long": (odd, long)}
