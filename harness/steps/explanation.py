"""Explain by LIME or SHAP which words a live deployment decides for."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.characteristics.explanation import TextExplanation, explain
from harness.config.characteristics import Explanation
from harness.data.sampling import sample
from harness.examples.records import TextExample
from harness.inference.deployment import open_deployment
from harness.steps.context import Context
from harness.steps.deployed import DeployedInputs, DeployedOptions, deployment_options
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.step import StepRef

FILE = "explanation.json"


VERSION = 3
LIBRARIES = ("tokenizers", "lime", "shap")


class Options(DeployedOptions):
    explanation: Explanation
    """``k`` has its default: it is for the comparison."""
    draw: int
    """The seed of the variants of a text."""
    seed: int
    """Of the sample of texts."""


class Inputs(DeployedInputs):
    examples: StepRef


def run(context: Context[Options, Inputs]) -> None:
    settings = context.options.explanation
    examples = read_examples(context.folder(context.inputs.examples))
    drawn = sample(examples, settings.sample, seed=context.options.seed)
    texts = [example for example in drawn if isinstance(example, TextExample)]
    explained: list[TextExplanation] = []
    with open_deployment(context.folder(context.inputs.artifact), deployment_options(context)) as deployment:
        for done, text in enumerate(texts):
            context.progress(f"text {done} of {len(texts)}", done / len(texts))
            explained += explain(
                deployment.scores,
                [text.text],
                [text.id],
                settings.method,
                settings.samples,
                context.options.draw,
            )
    write_json(context.destination / FILE, {"explanations": [asdict(one) for one in explained]})


def read_explanations(folder: Path) -> list[TextExplanation]:
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))["explanations"]
    return [
        TextExplanation(one["id"], one["label"], [(place, word, weight) for place, word, weight in one["words"]])
        for one in recorded
    ]
