"""A masked language model as two ONNX graphs, for whoever asks it for words: the encoder, and the head above it.

The encoder alone gives a text's embedding, at a fraction of the cost: with a vocabulary of 30,000 words, the head of
a small model is more work than the rest. The head gives the best words at each place in place of a score for every
word of the vocabulary.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.checkpoint import load_masked_language_model
from exporters.errors import ExportError, one_line
from exporters.files import require
from exporters.onnx.branches import decide_branches
from exporters.onnx.graph import fold_identities, opset
from exporters.onnx.trace import export_with_output
from exporters.positions import usable_positions

if TYPE_CHECKING:
    from onnx import ModelProto
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

ENCODER = "encoder.onnx"
HEAD = "head.onnx"
STATES, EMBEDDING = "states", "embedding"


def write(checkpoint: Path, destination: Path) -> None:
    """Export ``checkpoint`` to `ENCODER` and `HEAD` in ``destination``, in float32, with its tokenizer, which cuts
    what is longer than the model takes.

    Encoder: int64 ``input_ids``, ``attention_mask`` and, where the model has them, ``token_type_ids``, each (batch,
    sequence), to ``states`` (batch, sequence, hidden) and their mean over the sequence, ``embedding`` (batch, hidden):
    padding is not left out of it. Head: ``states`` and int64 ``k`` (1,) to ``scores``, log-probabilities, and
    ``tokens``, both (batch, sequence, k), best first, and to the ``log_probabilities`` of all words.

    Raises `ExportError` for a checkpoint without the head, or an architecture that is not exported.
    """
    import onnx
    from onnx.utils import Extractor

    model = load_masked_language_model(checkpoint)
    tokenizer = tokenizer_for(checkpoint, model)
    with tempfile.TemporaryDirectory(dir=destination, prefix=".export-") as scratch:
        raw = Path(scratch) / "raw.onnx"
        export_with_output(
            model,
            raw,
            task="fill-mask",
            output=STATES,
            axes={0: "batch_size", 1: "sequence_length"},
            made_of=lambda states, mask: states,
            otherwise="give a BERT",
        )
        whole = onnx.load(str(raw))
    fold_identities(whole)
    decide_branches(whole)
    parts = Extractor(whole)
    inputs = [value.name for value in whole.graph.input]
    encoder = parts.extract_model(inputs, [STATES])
    head = parts.extract_model([STATES], ["logits"])
    _embed(encoder)
    _rank(head)
    onnx.save_model(encoder, str(destination / ENCODER))
    onnx.save_model(head, str(destination / HEAD))
    tokenizer.save(str(destination / "tokenizer.json"))


def tokenizer_for(checkpoint: Path, model: PreTrainedModel) -> Tokenizer:
    """The checkpoint's own, told the longest input of the model. Raises `ExportError` where the two do not fit."""
    from tokenizers import Tokenizer

    path = require(checkpoint, "tokenizer.json", "an encoder needs config.json, model.safetensors and it")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ExportError(
            f"{path} is no readable tokenizer ({one_line(error)}): save it again with a fast tokenizer"
        ) from None
    size = max(tokenizer.get_vocab().values(), default=-1) + 1
    if size > model.config.vocab_size:
        raise ExportError(
            f"{checkpoint}: {size} tokens in its tokenizer, {model.config.vocab_size} in its model: "
            "give a checkpoint whose parts belong together"
        )
    tokenizer.enable_truncation(usable_positions(model.config.to_dict()))
    tokenizer.no_padding()
    return tokenizer


def _embed(encoder: ModelProto) -> None:
    from onnx import TensorProto, helper

    if opset(encoder) < 18:  # the axes were an attribute
        encoder.graph.node.append(helper.make_node("ReduceMean", [STATES], [EMBEDDING], axes=[1], keepdims=0))
    else:
        encoder.graph.initializer.append(helper.make_tensor("mean/axes", TensorProto.INT64, [1], [1]))
        encoder.graph.node.append(helper.make_node("ReduceMean", [STATES, "mean/axes"], [EMBEDDING], keepdims=0))
    encoder.graph.output.append(helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, ["batch_size", None]))


def _rank(head: ModelProto) -> None:
    from onnx import TensorProto, helper

    graph = head.graph
    graph.node.append(helper.make_node("LogSoftmax", ["logits"], ["log_probabilities"], axis=-1))
    graph.node.append(helper.make_node("TopK", ["log_probabilities", "k"], ["scores", "tokens"], axis=-1))
    graph.input.append(helper.make_tensor_value_info("k", TensorProto.INT64, [1]))
    del graph.output[:]
    shape = ["batch_size", "sequence_length", "k"]
    graph.output.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, shape))
    graph.output.append(helper.make_tensor_value_info("tokens", TensorProto.INT64, shape))
    graph.output.append(helper.make_tensor_value_info("log_probabilities", TensorProto.FLOAT, [*shape[:2], None]))
