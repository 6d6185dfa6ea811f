"""A sentence encoder as one ONNX graph: a text's tokens to the mean of their last hidden states."""

from __future__ import annotations

import tempfile
from pathlib import Path

from exporters.attack_models.masked_language_model import EMBEDDING, ENCODER, tokenizer_for
from exporters.checkpoint import load_encoder
from exporters.onnx.branches import decide_branches
from exporters.onnx.graph import fold_identities
from exporters.onnx.trace import export_with_output


def write(checkpoint: Path, destination: Path) -> None:
    """Export ``checkpoint`` to `ENCODER` in ``destination``, in float32, with its tokenizer, which cuts what is longer
    than the model takes.

    int64 ``input_ids``, ``attention_mask`` and, where the model has them, ``token_type_ids``, each (batch, sequence),
    to ``embedding`` (batch, hidden): the mean of the last hidden states (Reimers and Gurevych, EMNLP 2019), padding
    left out.

    Raises `ExportError` for a checkpoint that is no encoder, or an architecture that is not exported.
    """
    import onnx
    from onnx.utils import Extractor

    model = load_encoder(checkpoint)
    tokenizer = tokenizer_for(checkpoint, model)
    with tempfile.TemporaryDirectory(dir=destination, prefix=".export-") as scratch:
        raw = Path(scratch) / "raw.onnx"
        export_with_output(
            model,
            raw,
            task="feature-extraction",
            output=EMBEDDING,
            axes={0: "batch_size"},
            made_of=lambda states, mask: (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True),
            otherwise="give a BERT",
        )
        whole = onnx.load(str(raw))
    fold_identities(whole)
    decide_branches(whole)
    encoder = Extractor(whole).extract_model([value.name for value in whole.graph.input], [EMBEDDING])
    onnx.save_model(encoder, str(destination / ENCODER))
    tokenizer.save(str(destination / "tokenizer.json"))
