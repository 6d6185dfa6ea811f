"""Which words a live deployment decides for, by LIME or SHAP."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.characteristics.explanation import TextExplanation, explain
from harness.data.sampling import sample
from harness.examples import TextExample
from harness.inference.deployment import open_deployment
from harness.steps.context import Context
from harness.store.atomic import write_json
from harness.store.examples import read_examples

FILE = "explanation.json"


def run(context: Context) -> None:
    settings = context.options["explanation"]
    texts = [
        example
        for example in sample(
            read_examples(context.input("examples")), settings["sample"], seed=context.options["seed"]
        )
        if isinstance(example, TextExample)
    ]
    explained: list[TextExplanation] = []
    with open_deployment(context.input("artifact"), context.options) as deployment:
        for done, text in enumerate(texts):
            context.progress(f"text {done} of {len(texts)}", done / len(texts))
            explained += explain(
                deployment.probabilities,
                [text.text],
                [text.id],
                settings["method"],
                settings["samples"],
                context.options["draw"],
            )
    write_json(context.destination / FILE, {"explanations": [asdict(one) for one in explained]})


def read_explanations(folder: Path) -> list[TextExplanation]:
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))["explanations"]
    return [
        TextExplanation(one["id"], one["label"], [(place, word, weight) for place, word, weight in one["words"]])
        for one in recorded
    ]
