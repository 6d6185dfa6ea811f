"""A page of the largest size: 30 deployments, 12,000 examples, most of which somebody changes.

`python -m tests.harness.page.largest_page` makes one and prints how large it is and how long Chromium takes: until the
page is loaded with its filters at work, and until a filter has drawn its examples.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from harness.page.build import build_page
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import FORMATS, MODELS, TEXT, deployment, deployment_name, run_of

EXAMPLES = 12_000
BACKENDS = {synthetic.BACKEND: tuple(FORMATS), "openvino-cpu": ("onnx-fp32",)}
WORDS = ("film", "that", "one", "remembers", "long", "after", "the", "lights", "have", "gone", "on", "again")


def largest_page(folder: Path) -> str:
    """The page of a classification; its examples and outputs are written to ``folder``."""
    draw = random.Random(0)
    every = [(m, f, backend) for backend, formats in BACKENDS.items() for m in MODELS for f in formats]
    deployments = {deployment_name(*one): deployment(TEXT, *one) for one in every}
    reference = next(iter(deployments))
    task = synthetic.task_results(TEXT, deployments, reference)
    ids = [f"{number:06}" for number in range(EXAMPLES)]
    said = {reference: [int(draw.random() < 0.9) for _ in ids]}  # 1 is right
    changed = {}
    for name, (model, form, _) in zip(deployments, every, strict=True):
        if name != reference:
            share = min(0.4, MODELS[model][4] + FORMATS[form][2] + 0.002)
            flips = [draw.random() < share for _ in ids]
            said[name] = [answer ^ flip for answer, flip in zip(said[reference], flips, strict=True)]
            turned = [place for place, flip in enumerate(flips) if flip]
            changed[name] = {
                "newly_wrong": [ids[place] for place in turned if said[reference][place]],
                "newly_right": [ids[place] for place in turned if not said[reference][place]],
                "wrong_otherwise": [],
                "right_otherwise": [],
            }
    task["characteristics"]["affected"] = {
        "changed": changed,
        "slices": {"searched": 0, "minimum": 20, "level": 0.05, "deployments": {}},
        "exemplars": {"n": EXAMPLES, "others": 0, "shared": 0, "majority": 0, "exemplars": []},
    }
    place = folder / "examples" / TEXT
    place.mkdir(parents=True)
    rows = [{"id": one, "group": one, "text": " ".join(draw.choices(WORDS, k=150)), "label": 1} for one in ids]
    pq.write_table(pa.Table.from_pylist(rows), place / "evaluation.parquet")
    for name, answers in said.items():
        outputs = folder / "outputs" / TEXT / name.replace("/", "--")
        outputs.mkdir(parents=True)
        pq.write_table(pa.table({"id": ids, "prediction": answers}), outputs / "evaluation.parquet")
    config = {"study": {"tasks": {TEXT: {"labels": ["negative", "positive"]}}}}
    (folder / "config.json").write_text(json.dumps(config))
    return build_page(run_of(synthetic.envelope({TEXT: task})), folder)


def main() -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        file = Path(folder) / "page.html"
        file.write_text(largest_page(Path(folder) / "run"), encoding="utf-8")
        print(f"{file.stat().st_size / 1e6:.2f} MB")
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        for _ in range(5):
            page.goto(file.as_uri())
            loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
            page.locator(".explorer summary").click()
            drawn = page.evaluate("""async () => {
                const control = document.querySelector("[name=kind]"), start = performance.now();
                control.value = "newly wrong";
                control.dispatchEvent(new Event("input"));
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                return performance.now() - start;
            }""")
            print(f"loaded in {loaded:.0f} ms, filtered in {drawn:.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
