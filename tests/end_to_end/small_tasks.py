"""What whole studies of small checkpoints share: how these are written, run, shown, held to limits, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from transformers import BertConfig

from harness.checkpoints.architectures import write_synthetic_tokenizer
from harness.checkpoints.synthetic_vocabulary import SIZE
from tests.end_to_end.driver import scalemodel
from tests.harness.gate.gated_runs import policy


def save_checkpoint(folder: Path, kind: Any, **fields: Any) -> None:
    """A BERT of two layers, weights from torch's random state, and its tokenizer; ``kind`` is an AutoModel class."""
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(**{"vocab_size": SIZE, **small, "max_position_embeddings": 64, **fields})
    kind.from_config(config).save_pretrained(folder)
    write_synthetic_tokenizer(folder)


def outputs(run: Path, task: str, deployment: str, role: str = "evaluation") -> Any:
    """Its table; ``deployment`` may lack the backend, and the model."""
    name = deployment.replace("/", "--")
    (file,) = run.glob(f"outputs/{task}/*{name}{'' if '@' in name else '@*'}/{role}.parquet")
    return pq.read_table(file)


def reported(run: Path) -> tuple[str, str]:
    """The whole report, and the page."""
    full = scalemodel("report", run, "--full")
    page = scalemodel("report", run, "--html", "page.html", cwd=run.parent)
    assert (full.returncode, page.returncode) == (0, 0), full.stderr + page.stderr
    return full.stdout, (run.parent / "page.html").read_text()


def gated(run: Path, *rules: dict[str, Any]) -> str:
    """The last line of a gate that passes."""
    policy(run.parent / "policy.yaml", *rules)
    done = scalemodel("check", run, "--policy", run.parent / "policy.yaml")
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()[-1]


def refused(folder: Path, *overrides: str, study: str = "study.yaml") -> str:
    """What `validate` says against it."""
    done = scalemodel("validate", study, *(part for one in overrides for part in ("--set", one)), cwd=folder)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    return done.stderr
