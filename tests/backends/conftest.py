"""Small real artifacts: a random BERT as a torch-fp32 folder, and the same weights as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.host.nvidia import driver_version
from tests.shared import shared_folder

TASK_HEADS = {
    "question-answering": "BertForQuestionAnswering",
    "text-classification": "BertForSequenceClassification",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    gpu_tests = [item for item in items if item.get_closest_marker("gpu") is not None]
    if gpu_tests and driver_version() is None:
        for item in gpu_tests:
            item.add_marker(pytest.mark.skip(reason="no NVIDIA driver"))


@pytest.fixture(scope="session", params=sorted(TASK_HEADS))
def task(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def checkpoint(task: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A torch-fp32 artifact: two layers, 32 wide, vocabulary of 100."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=3 if task == "text-classification" else 2,
    )
    model = getattr(transformers, TASK_HEADS[task])(config)
    return shared_folder(tmp_path_factory, f"torch-{task}", model.save_pretrained)


@pytest.fixture(scope="session")
def onnx_artifact(task: str, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An onnx-fp32 artifact of `checkpoint`, pooled by its first token."""
    import torch
    import transformers

    model = getattr(transformers, TASK_HEADS[task]).from_pretrained(checkpoint, attn_implementation="eager")
    names = ["start_logits", "end_logits"] if task == "question-answering" else ["logits"]

    class WithRepresentation(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model.eval()

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            result = self.model(
                input_ids=input_ids,
                attention_mask=attention_mask,
                token_type_ids=token_type_ids,
                output_hidden_states=True,
            )
            return *(result[name] for name in names), result.hidden_states[-1][:, 0]

    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    outputs = [*names, "representation"]
    per_token = {*inputs, "start_logits", "end_logits"}

    def export(folder: Path) -> None:
        torch.onnx.export(
            WithRepresentation(),
            tuple(torch.ones(2, 8, dtype=torch.int64) for _ in inputs),
            str(folder / "model.onnx"),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={
                name: {0: "batch", 1: "sequence"} if name in per_token else {0: "batch"} for name in [*inputs, *outputs]
            },
            opset_version=17,
            dynamo=False,
        )

    return shared_folder(tmp_path_factory, f"onnx-{task}", export)


@pytest.fixture(scope="session")
def ragged() -> dict[str, list[NDArray[np.int64]]]:
    """Forty examples of 3 to 24 tokens, in no order."""
    rng = np.random.default_rng(0)
    ids = [rng.integers(5, 100, length) for length in rng.integers(3, 25, 40)]
    return {
        "input_ids": ids,
        "attention_mask": [np.ones(len(row), dtype=np.int64) for row in ids],
        "token_type_ids": [(np.arange(len(row)) > len(row) // 2).astype(np.int64) for row in ids],
    }
