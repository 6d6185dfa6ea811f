from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backends import torch as torch_backend
from backends.batching import pad
from backends.errors import BackendError
from backends.registry import open_backend
from backends.torch import POOLINGS, TorchCpu, TorchCuda
from exporters import pooling as exporters_pooling

Ragged = dict[str, list[NDArray[np.int64]]]


def test_mean_pooling_leaves_out_padding(checkpoint: Path, task: str, ragged: Ragged) -> None:
    with open_backend("torch-cpu", checkpoint, format="torch-fp32", task=task, pooling="mean") as backend:
        alone = backend.infer(pad(ragged, [0]))["representation"]
        padded = backend.infer(pad(ragged, [0], length=40))["representation"]
    assert alone.shape == (1, 32)
    np.testing.assert_allclose(padded, alone, atol=1e-5)


def test_agrees_with_transformers(checkpoint: Path, task: str, ragged: Ragged) -> None:
    import torch
    import transformers

    feeds = pad(ragged, range(4))
    head = {
        "question-answering": transformers.AutoModelForQuestionAnswering,
        "text-classification": transformers.AutoModelForSequenceClassification,
    }[task]
    model = head.from_pretrained(checkpoint).eval()
    with torch.no_grad():
        tensors = {name: torch.from_numpy(array) for name, array in feeds.items()}
        expected = model(**tensors, output_hidden_states=True)
    with open_backend("torch-cpu", checkpoint, format="torch-fp32", task=task, threads=1) as backend:
        outputs = backend.infer(feeds)
    for name in backend.outputs:
        reference = expected.hidden_states[-1][:, 0] if name == "representation" else expected[name]
        np.testing.assert_allclose(outputs[name], reference.numpy(), atol=1e-5)


def test_distilbert_takes_no_segments(tmp_path: Path, ragged: Ragged) -> None:
    import transformers

    config = transformers.DistilBertConfig(vocab_size=100, dim=32, n_layers=1, n_heads=2, hidden_dim=64)
    transformers.DistilBertForSequenceClassification(config).save_pretrained(tmp_path)
    with open_backend("torch-cpu", tmp_path, format="torch-fp32", task="text-classification") as backend:
        assert backend.inputs == ("input_ids", "attention_mask")
        assert backend.infer(pad(ragged, [0, 1]))["representation"].shape == (2, 32)


def test_folders_that_are_no_checkpoint(checkpoint: Path, task: str, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no config.json in"):
        open_backend("torch-cpu", tmp_path, format="torch-fp32", task=task)
    folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    other = "text-classification" if task == "question-answering" else "question-answering"
    with pytest.raises(BackendError, match=r"lacks '.*' \([24] weights\) for "):
        open_backend("torch-cpu", folder, format="torch-fp32", task=other)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BackendError, match="export it again") as caught:
        open_backend("torch-cpu", folder, format="torch-fp32", task=task)
    assert "\n" not in str(caught.value)
    with pytest.raises(BackendError, match="unknown pooling 'max'"):
        open_backend("torch-cpu", folder, format="torch-fp32", task=task, pooling="max")


@pytest.mark.parametrize("compiled", [False, True])
def test_the_timed_stages_are_those_of_inference(
    compiled: bool, checkpoint: Path, task: str, ragged: Ragged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU in place of CUDA, and without a compiler: what is timed is the compiled model, pooled and copied."""
    import torch

    class CudaOnCpu(TorchCuda):
        device = "cpu"
        availability = TorchCpu.availability

    CudaOnCpu.compiled = compiled
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: None)  # none is the one that is there
    called: list[str] = []

    def compile_in_name(model: Any, dynamic: bool) -> Any:
        assert dynamic

        def run(**tensors: Any) -> Any:
            called.append("compiled")
            return model(**tensors)

        return run

    monkeypatch.setattr(torch, "compile", compile_in_name)
    stages: list[Any] = []

    def once(to_device: Any, compute: Any, to_host: Any, synchronize: Any) -> dict[str, float]:
        stages.append(to_host(compute(to_device())))
        return dict.fromkeys(("host_to_device", "compute", "device_to_host"), 1.0)

    monkeypatch.setattr(torch_backend, "stage_times", once)
    feeds = pad(ragged, [0, 1, 2])
    with CudaOnCpu(checkpoint, format="torch-fp32", task=task, threads=1) as backend:
        expected = backend.infer(feeds)
        called.clear()
        assert backend.device_times(feeds) is not None
    assert called == (["compiled"] if compiled else [])
    assert set(stages[0]) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(stages[0][name], array)


@pytest.mark.parametrize(("config", "attention"), [("ElectraConfig", "eager"), ("BertConfig", "sdpa")])
def test_attention_that_the_architecture_has(config: str, attention: str, tmp_path: Path, ragged: Ragged) -> None:
    import transformers

    settings = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    made = getattr(transformers, config)(vocab_size=100, **settings)
    transformers.AutoModelForSequenceClassification.from_config(made).save_pretrained(tmp_path)
    with open_backend("torch-cpu", tmp_path, format="torch-fp32", task="text-classification") as backend:
        assert backend.describe()["attention"] == attention
        assert backend.infer(pad(ragged, [0, 1]))["representation"].shape == (2, 32)


def test_poolings_are_those_of_the_exporters() -> None:
    assert POOLINGS == exporters_pooling.POOLINGS
