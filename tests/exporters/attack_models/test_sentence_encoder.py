from __future__ import annotations

import shutil

import numpy as np
import onnxruntime
import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertForMaskedLM, MPNetConfig, MPNetModel

from benchmarks.attack.sentence_encoder import SentenceEncoder
from benchmarks.errors import BenchmarkError
from exporters.attack_models.sentence_encoder import write
from exporters.errors import ExportError
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import FolderCheckpoint
from harness.errors import UserError
from tests.benchmarks.conftest import VOCABULARY, masked_lm_folder  # noqa: F401  # a fixture


def materialized(source, destination):
    materialize(
        FolderCheckpoint(folder=source),
        destination,
        task="sentence-encoder",
        labels=None,
        seed=0,
        resolve=lambda name: pytest.fail(name),
        allow_new_head=True,
    )
    return destination


@pytest.fixture(scope="module")
def checkpoint(masked_lm_folder, tmp_path_factory):  # noqa: F811
    return materialized(masked_lm_folder, tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    write(checkpoint, folder)
    return folder


def test_the_graph_gives_the_mean_of_the_states_without_the_padding(masked_lm_folder, exported):  # noqa: F811
    bert = BertForMaskedLM.from_pretrained(masked_lm_folder).eval().bert
    ids, mask = np.array([[2, 10, 11, 12, 3], [2, 7, 3, 0, 0]]), np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    with torch.inference_mode():
        states = bert(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state.numpy()
    session = onnxruntime.InferenceSession(str(exported / "encoder.onnx"), providers=["CPUExecutionProvider"])
    assert [port.name for port in session.get_outputs()] == ["embedding"]
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    [embedding] = session.run(None, inputs)
    np.testing.assert_allclose(embedding, np.stack([states[0].mean(0), states[1, :3].mean(0)]), atol=1e-5)


def test_similarity_is_the_cosine_of_these_means(masked_lm_folder, exported):  # noqa: F811
    bert = BertForMaskedLM.from_pretrained(masked_lm_folder).eval().bert
    tokenizer = Tokenizer.from_file(str(masked_lm_folder / "tokenizer.json"))

    def mean(text):
        with torch.inference_mode():
            return bert(input_ids=torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0].mean(0)

    original, texts = "a good film", ["a bad film", "a good film", "the plot"]
    expected = [torch.cosine_similarity(mean(original), mean(text), dim=0).item() for text in texts]
    found = SentenceEncoder.open(exported, threads=1).similarity(original, texts)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found[1] == pytest.approx(1)


def test_a_model_that_counts_positions_from_behind_the_padding_takes_the_longest_text(
    masked_lm_folder,  # noqa: F811
    tmp_path,
):
    """MPNet and RoBERTa have two positions fewer than they say."""
    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=len(VOCABULARY) + 8,  # its tokenizer brings names of its own
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
    )
    MPNetModel(config).save_pretrained(tmp_path / "mpnet")
    shutil.copy(masked_lm_folder / "tokenizer.json", tmp_path / "mpnet")
    (tmp_path / "exported").mkdir()
    write(materialized(tmp_path / "mpnet", tmp_path / "checkpoint"), tmp_path / "exported")
    assert len(Tokenizer.from_file(str(tmp_path / "exported/tokenizer.json")).encode("film " * 500).ids) == 64
    [similarity] = SentenceEncoder.open(tmp_path / "exported").similarity("film " * 500, ["film"])
    assert np.isfinite(similarity)


def test_weights_that_are_missing_are_not_drawn(checkpoint, tmp_path):
    from safetensors.torch import load_file, save_file

    shutil.copytree(checkpoint, tmp_path / "cut")
    weights = load_file(tmp_path / "cut/model.safetensors")
    weights = {name: weight for name, weight in weights.items() if "layer.0.output" not in name}
    save_file(weights, tmp_path / "cut/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="lacks 4 weights of its bert encoder"):
        materialized(tmp_path / "cut", tmp_path / "out")
    with pytest.raises(ExportError, match="no weights for encoding sentences"):
        write(tmp_path / "cut", tmp_path)


def test_a_folder_without_the_graph_is_refused(exported, tmp_path):
    with pytest.raises(BenchmarkError, match=r"sentence encoder .*tokenizer\.json"):
        SentenceEncoder.open(tmp_path)
    shutil.copy(exported / "tokenizer.json", tmp_path)
    with pytest.raises(BenchmarkError, match=r"sentence encoder .*encoder\.onnx: cannot be loaded"):
        SentenceEncoder.open(tmp_path)
