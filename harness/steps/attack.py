"""Attack one live deployment by BERT-ATTACK.

Every answer of the deployment is kept at once: a run that is stopped in the middle of a text goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.bert_attack import attack
from benchmarks.attack.masked_language_model import MaskedLanguageModel
from benchmarks.attack.results import AttackResult
from benchmarks.attack.sentence_encoder import SentenceEncoder
from harness.inference.remote_deployment import Predict
from harness.steps.candidates import StoredCandidates
from harness.steps.context import Context
from harness.steps.deployed import DeployedOptions
from harness.steps.model_wrapper import (
    AttackedInputs,
    AttackedOptions,
    Settings,
    attacked_deployment,
    attacked_examples,
    wrapped_examples,
)
from harness.store.attack_journal import AttackJournal
from harness.store.json_lines import read_lines, write_lines
from harness.store.step import StepRef

VERSION = 5
LIBRARIES = ("tokenizers", "onnxruntime", "onnxruntime-gpu")

FILE = "attack.jsonl"

Similarity = Callable[[str, Sequence[str]], NDArray[np.float64]]


class Options(DeployedOptions, AttackedOptions):
    settings: Settings
    batch_size: int
    """Texts that are attacked at a time, their queries in the same batches."""


class Inputs(AttackedInputs):
    examples: StepRef
    candidates: StepRef
    sentence_encoder: StepRef | None = None
    """Measures the similarity of texts."""
    masked_language_model: StepRef | None = None
    """Does so where there is no sentence encoder."""


def run(context: Context[Options, Inputs]) -> None:
    with attacked_deployment(context) as predict:
        write_attack(context.destination, _attack(context, predict))


def write_attack(folder: Path, results: Iterable[Mapping[str, Any]]) -> None:
    """``results``: an `AttackResult` a text, as a dictionary."""
    write_lines(folder / FILE, results)


def read_attack(folder: Path) -> list[AttackResult]:
    """What the attack on the deployment came to, one result a text."""
    return [AttackResult.from_json(result) for result in read_lines(folder / FILE)]


def similarity_of(context: Context[Options, Inputs]) -> Similarity:
    """By the study's sentence encoder, or by what proposes the words."""
    threads, inputs = context.options.deployment.threads, context.inputs
    if inputs.sentence_encoder is not None:
        return SentenceEncoder.open(context.folder(inputs.sentence_encoder), threads=threads).similarity
    assert inputs.masked_language_model is not None  # planning has seen to it
    return MaskedLanguageModel(context.folder(inputs.masked_language_model), threads=threads).similarity


def _attack(context: Context[Options, Inputs], predict: Predict) -> Iterator[dict[str, Any]]:
    """Group by group, the groups that the journal holds left out; the results are then on disk."""
    options = context.options
    examples = attacked_examples(context.folder(context.inputs.examples), options)
    journal = AttackJournal(context.work())
    report = context.text_progress(journal.settled, len(examples))
    wrapper = wrapped_examples(predict, examples)
    results = attack(
        wrapper.predict,
        [(example.id, example.text, example.label) for example in examples[journal.settled :]],
        candidates=StoredCandidates(context.folder(context.inputs.candidates)),
        similarity=similarity_of(context),
        settings=options.settings,
        batch_size=options.batch_size,
        recorder=journal,
        on_round=lambda done: report(journal.settled + done),
        about=wrapper.about,
    )
    while group := list(islice(results, options.batch_size)):
        journal.settle([asdict(result) for result in group])
    return journal.results()
