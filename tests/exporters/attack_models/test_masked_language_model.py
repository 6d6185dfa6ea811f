from __future__ import annotations

import json
import shutil

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import BertForMaskedLM

from exporters.attack_models.masked_language_model import write
from exporters.errors import ExportError
from tests.benchmarks.conftest import masked_lm_folder  # noqa: F401  # a fixture


@pytest.fixture(scope="module")
def exported(masked_lm_folder, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("exported")
    write(masked_lm_folder, folder)
    return folder


def test_the_two_graphs_say_what_the_checkpoint_says(masked_lm_folder, exported):  # noqa: F811
    bert = BertForMaskedLM.from_pretrained(masked_lm_folder).eval()
    ids = np.array([[2, 10, 11, 12, 3], [2, 7, 8, 9, 3]])
    with torch.inference_mode():
        said = bert(input_ids=torch.tensor(ids), output_hidden_states=True)
    encoder = onnxruntime.InferenceSession(str(exported / "encoder.onnx"), providers=["CPUExecutionProvider"])
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    states, embedding = encoder.run(["states", "embedding"], inputs)
    np.testing.assert_allclose(states, said.hidden_states[-1].numpy(), atol=1e-5)
    np.testing.assert_allclose(embedding, said.hidden_states[-1].mean(1).numpy(), atol=1e-5)

    head = onnxruntime.InferenceSession(str(exported / "head.onnx"), providers=["CPUExecutionProvider"])
    for k in (1, 7):
        scores, tokens, every = head.run(
            ["scores", "tokens", "log_probabilities"], {"states": states, "k": np.array([k])}
        )
        best = said.logits.log_softmax(-1).topk(k)
        np.testing.assert_array_equal(tokens, best.indices.numpy())
        np.testing.assert_allclose(scores, best.values.numpy(), atol=1e-4)
        np.testing.assert_allclose(every, said.logits.log_softmax(-1).numpy(), atol=1e-4)


def test_the_tokenizer_cuts_what_is_too_long(exported):
    from tokenizers import Tokenizer

    assert len(Tokenizer.from_file(str(exported / "tokenizer.json")).encode("film " * 500).ids) == 64


def test_a_checkpoint_without_the_head_is_refused(masked_lm_folder, tmp_path):  # noqa: F811
    checkpoint, destination = tmp_path / "checkpoint", tmp_path / "destination"
    destination.mkdir()
    BertForMaskedLM.from_pretrained(masked_lm_folder).bert.save_pretrained(checkpoint)
    shutil.copy(masked_lm_folder / "tokenizer.json", checkpoint)
    with pytest.raises(ExportError, match="masked-LM head"):
        write(checkpoint, destination)


def test_parts_that_do_not_belong_together_are_refused(masked_lm_folder, tmp_path):  # noqa: F811
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(masked_lm_folder, checkpoint)
    path = checkpoint / "tokenizer.json"
    described = json.loads(path.read_text())
    described["model"]["vocab"]["surplus"] = len(described["model"]["vocab"])
    path.write_text(json.dumps(described))
    with pytest.raises(ExportError, match="belong together"):
        write(checkpoint, tmp_path)
    path.write_text("{")
    with pytest.raises(ExportError, match="no readable tokenizer"):
        write(checkpoint, tmp_path)
    path.unlink()
    with pytest.raises(ExportError, match=r"tokenizer\.json"):
        write(checkpoint, tmp_path)


def test_unreadable_weights_are_refused(masked_lm_folder, tmp_path):  # noqa: F811
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(masked_lm_folder, checkpoint)
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ExportError, match="does not load"):
        write(checkpoint, tmp_path)
