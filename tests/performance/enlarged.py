"""A BERT of BERT-large's shape that answers as a smaller one does: its weights, its cost, answers that mean something.

``python -m tests.performance.enlarged FOLDER`` writes one of the embedded reference, for
`configs/bert-large-cost.yaml`; ``--of`` takes another checkpoint with a head for text classification.

`widened` repeats hidden units; here the width need be no multiple, and layers are added. A network that normalises
after each residual sum has no room for those: a layer without weights would normalise once more, and a token's mean and
scale would be lost. So the residual stream

    (k n, a, c, -c, 0, ...)    n: the old stream before the scale and bias of its normalisation; k = sqrt(new / old)

has mean 0 and one length for all tokens, and normalising it changes nothing: layers that add 0 are identities.
An old layer becomes two. The first one's attention writes into ``a``, and its feed-forward sublayer adds the old
residual sum, ``scale n + bias + a``: it computes any linear map, since gelu(x) - gelu(-x) = x. The second one's has the
old feed-forward weights, the residual sum beside them. Units that are left over repeat others, which then count half.
What has nothing to add has weights all the same, which cancel: zeros would be stored once, and be nobody's cost.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification

TASK = "text-classification"
SPREAD = 0.02
"""Standard deviation of weights that cancel: as BERT's are drawn."""
CONSTANT = 4.0
"""c: of the size of a large activation, so that 8 bits hold it beside them."""


@dataclass(frozen=True)
class Shape:
    layers: int = 24
    hidden: int = 1024
    heads: int = 16
    intermediate: int = 4096


BERT_LARGE = Shape()


def enlarged(small: BertForSequenceClassification, shape: Shape = BERT_LARGE) -> BertForSequenceClassification:
    """A network of ``shape`` with the logits of ``small``, up to rounding.

    Raises:
        ValueError: ``shape`` has no room for it, or is no multiple where it must be one.
    """
    from transformers import BertConfig, BertForSequenceClassification

    old: Any = small.config
    units = shape.hidden // shape.heads, old.hidden_size // old.num_attention_heads
    pairs = 2 * (2 * old.hidden_size + 2), 2 * old.hidden_size + old.intermediate_size
    if 2 * old.hidden_size + 2 > shape.hidden or max(pairs) > shape.intermediate:
        raise ValueError(f"{shape} is too narrow for {old.hidden_size} units and {old.intermediate_size} between them")
    if units[0] % units[1] or shape.heads < old.num_attention_heads or shape.layers < 2 * old.num_hidden_layers:
        raise ValueError(f"{shape} cannot hold {old.num_hidden_layers} layers of heads of {units[1]} units")
    if old.hidden_act != "gelu":
        raise ValueError(f"the activation {old.hidden_act!r} is not gelu")
    grown = {
        "num_hidden_layers": shape.layers,
        "hidden_size": shape.hidden,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
    }
    model = BertForSequenceClassification(BertConfig(**{**old.to_dict(), **grown}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        _Enlargement(small, model, shape).fill()
    return model.eval()


class _Enlargement:
    """Float64 throughout; the model takes the nearest of its own type."""

    def __init__(self, small: BertForSequenceClassification, model: torch.nn.Module, shape: Shape) -> None:
        self.old: Mapping[str, Tensor] = {name: each.double() for name, each in small.state_dict().items()}
        self.new: Mapping[str, Tensor] = dict(model.named_parameters())
        config: Any = small.config
        self.shape = shape
        self.random = torch.Generator().manual_seed(0)
        self.layers: int = config.num_hidden_layers
        self.heads: int = config.num_attention_heads
        self.width: int = config.hidden_size
        self.k = (shape.hidden / self.width) ** 0.5
        self.length = (1 + 2 * CONSTANT**2 / shape.hidden) ** 0.5
        """Root mean square of the stream, between layers."""
        self.centre = torch.eye(self.width, dtype=torch.float64) - 1 / self.width

    def fill(self) -> None:
        for name in ("word", "position", "token_type"):
            table = f"bert.embeddings.{name}_embeddings.weight"
            self.new[table][:, : self.width] = self.old[table] @ self.centre
        self._normalise("bert.embeddings.LayerNorm", constant=True)
        before = "bert.embeddings.LayerNorm"
        for layer in range(self.layers):
            self._attention(f"bert.encoder.layer.{layer}", f"bert.encoder.layer.{2 * layer}", before)
            self._feed_forward(f"bert.encoder.layer.{layer}", f"bert.encoder.layer.{2 * layer + 1}")
            before = f"bert.encoder.layer.{layer}.output.LayerNorm"
        for layer in range(2 * self.layers, self.shape.layers):
            self._cancel(f"bert.encoder.layer.{layer}.attention")
            self._cancel(f"bert.encoder.layer.{layer}")
            self._normalise(f"bert.encoder.layer.{layer}.attention.output.LayerNorm")
            self._normalise(f"bert.encoder.layer.{layer}.output.LayerNorm", scale=self.length)
        self._head(before)

    def _attention(self, old: str, new: str, before: str) -> None:
        """The old attention sublayer, up to its residual sum and the layer normalisation after it."""
        d, scale, bias = self.width, self.old[f"{before}.weight"], self.old[f"{before}.bias"]
        wide = self.shape.hidden // self.shape.heads
        narrow = d // self.heads
        head = torch.arange(self.shape.heads) % self.heads
        source = (head[:, None] * narrow + torch.arange(wide) % narrow).flatten()  # of every new unit
        for name in ("query", "key", "value"):
            weight = self.old[f"{old}.attention.self.{name}.weight"]
            offset = self.old[f"{old}.attention.self.{name}.bias"] + weight @ bias
            # A head's scores are sums of more terms, over the root of as many.
            factor = (narrow / wide) ** 0.5 if name == "query" else 1.0
            self.new[f"{new}.attention.self.{name}.weight"][:, :d] = factor * (weight * scale / self.k)[source]
            self.new[f"{new}.attention.self.{name}.bias"][:] = factor * offset[source]
        writes = self.centre @ self.old[f"{old}.attention.output.dense.weight"]
        self.new[f"{new}.attention.output.dense.weight"][d : 2 * d] = (writes / _times(source, d))[:, source]
        self.new[f"{new}.attention.output.dense.bias"][d : 2 * d] = (
            self.centre @ self.old[f"{old}.attention.output.dense.bias"]
        )
        self._normalise(f"{new}.attention.output.LayerNorm")
        # Over one factor for each token, which the next normalisation takes out again.
        linear = torch.zeros(self.shape.hidden, 2 * d + 2, dtype=torch.float64)
        linear[:d, :d] = self.centre * scale / self.k
        linear[:d, d : 2 * d] = self.centre
        linear[:d, 2 * d] = self.centre @ bias / CONSTANT
        linear[: 2 * d + 2] -= torch.eye(2 * d + 2, dtype=torch.float64)
        self._between(new, linear, torch.zeros(self.shape.hidden, dtype=torch.float64))
        self._normalise(f"{new}.output.LayerNorm", constant=True)

    def _feed_forward(self, old: str, new: str) -> None:
        """The old feed-forward sublayer, and the layer normalisation after it."""
        d = self.width
        scale, bias = (self.old[f"{old}.attention.output.LayerNorm.{name}"] for name in ("weight", "bias"))
        scale = scale * self.length / self.k  # of the stream as this layer's first normalisation leaves it
        reads, writes = (self.old[f"{old}.{name}.dense.weight"] for name in ("intermediate", "output"))
        self._cancel(f"{new}.attention")
        self._normalise(f"{new}.attention.output.LayerNorm")
        linear = torch.zeros(self.shape.hidden, d, dtype=torch.float64)
        linear[:d] = self.centre * scale - torch.eye(d, dtype=torch.float64)
        constant = torch.zeros(self.shape.hidden, dtype=torch.float64)
        constant[:d] = self.centre @ (self.old[f"{old}.output.dense.bias"] + bias)
        constant[2 * d : 2 * d + 2] = torch.tensor([-CONSTANT, CONSTANT]) / self.length
        nonlinear = (
            reads * scale,
            self.old[f"{old}.intermediate.dense.bias"] + reads @ bias,
            self.centre @ writes,
        )
        self._between(new, linear, constant, nonlinear)
        self._normalise(f"{new}.output.LayerNorm", constant=True)

    def _between(
        self, layer: str, linear: Tensor, constant: Tensor, nonlinear: tuple[Tensor, Tensor, Tensor] | None = None
    ) -> None:
        """A feed-forward sublayer that adds ``linear`` (hidden, read) of the stream's first units, and ``constant``.

        ``nonlinear``: weights and biases that read its first units, and weights that write them, as well.
        """
        read = linear.shape[1]
        unit = torch.eye(read, dtype=torch.float64)
        rows, biases, columns = torch.cat([unit, -unit]), torch.zeros(2 * read), torch.cat([linear, -linear], dim=1)
        if nonlinear is not None:
            more = nonlinear[2].new_zeros(self.shape.hidden, nonlinear[2].shape[1])
            more[: self.width] = nonlinear[2]
            rows, columns = torch.cat([rows, nonlinear[0]]), torch.cat([columns, more], dim=1)
            biases = torch.cat([biases, nonlinear[1]])
        source = torch.arange(self.shape.intermediate) % len(rows)
        self.new[f"{layer}.intermediate.dense.weight"][:, :read] = rows[source]
        self.new[f"{layer}.intermediate.dense.bias"][:] = biases[source]
        self.new[f"{layer}.output.dense.weight"][:] = (columns / _times(source, len(rows)))[:, source]
        self.new[f"{layer}.output.dense.bias"][:] = constant

    def _cancel(self, part: str) -> None:
        """Weights of a sublayer that adds 0: its units are there twice, and are written with opposite signs."""
        reads = {name: each for name, each in self.new.items() if name.startswith(part) and name.endswith("weight")}
        for name, weight in reads.items():
            if not name.removeprefix(f"{part}.").startswith(("self.", "intermediate.", "output.dense.")):
                continue
            weight.normal_(std=SPREAD, generator=self.random)
            if ".output." in name:
                weight[:, 1::2] = -weight[:, ::2]
            elif ".query." not in name and ".key." not in name:
                weight[1::2] = weight[::2]

    def _normalise(self, name: str, *, scale: float = 1.0, constant: bool = False) -> None:
        self.new[f"{name}.weight"][:] = scale
        if constant:
            self.new[f"{name}.bias"][2 * self.width : 2 * self.width + 2] = torch.tensor([CONSTANT, -CONSTANT])

    def _head(self, before: str) -> None:
        scale, bias = self.old[f"{before}.weight"], self.old[f"{before}.bias"]
        weight = self.old["bert.pooler.dense.weight"]
        source = torch.arange(self.shape.hidden) % self.width
        self.new["bert.pooler.dense.weight"][:, : self.width] = (weight * scale / self.k)[source]
        self.new["bert.pooler.dense.bias"][:] = (self.old["bert.pooler.dense.bias"] + weight @ bias)[source]
        classes = self.old["classifier.weight"]
        self.new["classifier.weight"][:] = (classes / _times(source, self.width))[:, source]
        self.new["classifier.bias"][:] = self.old["classifier.bias"]


def _times(source: Tensor, size: int) -> Tensor:
    """How often each of ``size`` old units is there."""
    return torch.bincount(source, minlength=size).double()


def main() -> None:
    from transformers import BertForSequenceClassification

    from harness.checkpoints.materialize import materialize
    from harness.config.checkpoints import EmbeddedCheckpoint, FolderCheckpoint

    parser = argparse.ArgumentParser(description="Write a classifier of BERT-large's shape with a small one's answers.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--of", type=Path, help="a BERT with a head for text classification; else the embedded one")
    arguments = parser.parse_args()
    source = FolderCheckpoint(folder=arguments.of) if arguments.of else EmbeddedCheckpoint(embedded="reference")
    with tempfile.TemporaryDirectory() as scratch:
        small = Path(scratch) / "small"
        labels = ("negative", "positive") if arguments.of is None else None
        materialize(source, small, task=TASK, labels=labels, seed=0, resolve=Path, allow_new_head=False)
        model = enlarged(BertForSequenceClassification.from_pretrained(small, local_files_only=True))
        shutil.copytree(small, arguments.folder, ignore=shutil.ignore_patterns("model.safetensors", "config.json"))
    model.save_pretrained(arguments.folder)


if __name__ == "__main__":
    main()
