"""Check that the features of a task are those that the scripts of `transformers` make.

The reference is `AutoTokenizer`, called as ``run_qa.py``, ``run_glue.py`` and ``run_ner.py`` of `transformers`'
examples call it. Both sides of a parity check are fed our features: what is wrong in them would show in neither.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from backends.errors import one_line
from benchmarks.attack.words import without_surrogates
from exporters.files import CONFIG, TOKENIZER_SETTINGS
from harness.checkpoints.tokenizer_files import quiet, read_reference
from harness.errors import REFUSED, StepFailed
from harness.examples.records import Example
from harness.store.atomic import write_json
from harness.store.record import read_record
from harness.tasks.fast_tokenizer import TOKEN_TYPES, read_tokenizer
from harness.tasks.features import Features
from harness.tasks.task import Task
from harness.verification.result import PreprocessingCheck

FILE = "preprocessing.json"

_PROBE = "\t The  QUICK Ünïcode-fox, don't; 中文 ﬁne…\u200b \n"
"""What settings of a tokenizer may be about, and examples may lack; the special tokens' names come beside it."""

_SMALL = 1 << 26
"""Bytes; a larger file is no tokenizer's."""


def check_preprocessing(
    destination: Path, *, task: Task, written: Path, source: Path, examples: Sequence[Example]
) -> None:
    """Hold the features of ``examples``, and of made-up ones that are too long and odd, against the reference's.

    ``written`` is the folder that features are made from, ``source`` the one that the reference is read from; one
    without settings says of no reference. The record is written to ``destination``.

    Raises:
        StepFailed: they differ, and not by intent.
    """
    if (source / TOKENIZER_SETTINGS).is_file() or (source / CONFIG).is_file():
        record = _checked(task, written, source, examples)
    else:
        note = f"not held against transformers' preprocessing: the tokenizer came without {TOKENIZER_SETTINGS}"
        record = PreprocessingCheck(against=None, examples=0, features=0, notes=[note])
    write_json(destination / FILE, record.model_dump())


def read_preprocessing(*folders: Path) -> PreprocessingCheck | None:
    """The record in the first of the folders that has one; raises UserError for a field that does not fit."""
    path = next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)
    return None if path is None else read_record(path, PreprocessingCheck)


def _checked(task: Task, written: Path, source: Path, examples: Sequence[Example]) -> PreprocessingCheck:
    with quiet():
        reference = _reference(source)
        odd = f"{_PROBE} {' '.join(reference.all_special_tokens)} {_PROBE}"
        every = [*examples, *task.probes(_PROBE, odd)]
        features = task.encode(read_tokenizer(written), every)
        difference = _difference(task, reference, every, features)
        if difference is not None:
            setting = _setting(task, source, every, features)
            raise StepFailed(
                REFUSED,
                f"the preprocessing is not that of transformers' {task.script}: {difference}"
                + (
                    f"; {setting}"
                    if setting
                    else f", for a reason that no single setting in {TOKENIZER_SETTINGS} gives"
                ),
            )
    return PreprocessingCheck(
        against=f"AutoTokenizer, called as transformers' {task.script} calls it",
        examples=len(examples),
        features=len(features),
        notes=_by_intent(task, reference, examples, features),
    )


def _reference(folder: Path) -> Any:
    try:
        return read_reference(folder)
    except Exception as error:  # transformers raises whatever its parsers raise
        raise StepFailed(REFUSED, f"transformers cannot read the tokenizer: {one_line(error)}") from None


def _difference(task: Task, reference: Any, examples: Sequence[Example], features: Features) -> str | None:
    """The first difference between ``features`` and the reference's, in words; None where there is none."""
    try:
        expected = task.reference_inputs(reference, examples, features)
    except Exception as error:  # transformers raises whatever its tokenizers raise
        return f"its tokenizer fails ({one_line(error)})"
    theirs = expected.inputs
    unknown = [name for name in theirs if name not in features.inputs]
    if unknown:
        return f"it feeds {unknown[0]} too"
    if features.example.tolist() != expected.example:
        return f"it makes {len(expected.example)} windows where there are {len(features)}"
    # The mask first: where it differs, all else is out of place.
    for name in ("attention_mask", *(name for name in features.inputs if name != "attention_mask")):
        if name not in theirs and name != TOKEN_TYPES:
            continue  # positions, which the model makes itself where it is fed none
        for row, ours in enumerate(features.inputs[name]):
            wanted = theirs[name][row] if name in theirs else np.zeros(len(theirs["attention_mask"][row]), np.int64)
            given = np.pad(ours, (0, len(wanted) - len(ours))) if name == "attention_mask" else ours
            different = np.flatnonzero(given != wanted[: len(given)])
            if len(different):
                at, identity = different[0], examples[features.example[row]].id
                return f"{name} is {given[at]} at token {at} of example {identity!r}, and there {wanted[at]}"
    if features.offsets is not None and expected.offsets is not None:
        for row, (covered, meant) in enumerate(zip(features.offsets, expected.offsets, strict=True)):
            if (covered != meant[: len(covered)]).any():
                return (
                    f"the characters, or the word, of a token differ in example {examples[features.example[row]].id!r}"
                )
    return None


def _setting(task: Task, source: Path, examples: Sequence[Example], features: Features) -> str | None:
    """The setting without which the reference gives our features, found by leaving out one after the other."""
    file = source / TOKENIZER_SETTINGS
    settings = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for key in settings:
        others = {name: value for name, value in settings.items() if name != key}
        with TemporaryDirectory() as folder:
            for file in source.iterdir():
                if file.is_file() and file.suffix != ".safetensors" and file.stat().st_size < _SMALL:
                    shutil.copyfile(file, Path(folder) / file.name)
            (Path(folder) / TOKENIZER_SETTINGS).write_text(json.dumps(others), encoding="utf-8")
            try:
                without = read_reference(Path(folder))
            except Exception:  # the tokenizer cannot be without it: so it is another
                continue
            if _difference(task, without, examples, features) is None:
                value = json.dumps(settings[key], ensure_ascii=False)[:80]
                return (
                    f"{key}: {value} in {TOKENIZER_SETTINGS} makes the difference, which is not supported; "
                    "take it out there"
                )
    return None


def _by_intent(task: Task, reference: Any, examples: Sequence[Example], features: Features) -> list[str]:
    notes = []
    longest = int(features.lengths[features.example < len(examples)].max())
    if longest > reference.model_max_length:
        notes.append(
            f"inputs of up to {longest} tokens, as the study says: {task.script} would cut them at the tokenizer's "
            f"model_max_length, {reference.model_max_length}"
        )
    notes += task.deviations(reference, examples)
    texts = [text for example in examples for text in example.parts.values()]
    broken = sum(text != without_surrogates(text) for text in texts)
    if broken:
        notes.append(f"{broken} texts have lone surrogates, read as U+FFFD: {task.script} fails on them")
    return notes
