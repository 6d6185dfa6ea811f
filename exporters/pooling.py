"""The representation of a text: its last hidden state, pooled, and normalised where the pooling says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

from exporters.errors import ExportError

if TYPE_CHECKING:
    import torch
    from onnx import NodeProto
    from transformers import PreTrainedModel

Pooling = Literal["cls", "mean", "cls+normalize", "mean+normalize"]
"""The first token, or the mean over tokens; scaled to length 1 where it says so, as sentence encoders are."""
POOLINGS: tuple[str, ...] = get_args(Pooling)
NORMALIZE = "+normalize"
SHORTEST = 1e-12
"""A shorter vector is divided by this, as `torch.nn.functional.normalize` has it."""


def check_pooling(pooling: str) -> None:
    """Raise `ExportError` unless ``pooling`` is a known word."""
    if pooling not in POOLINGS:
        raise ExportError(f"pooling {pooling!r} is not known: use one of {', '.join(POOLINGS)}")


def keep_last_hidden_state(model: PreTrainedModel) -> Callable[[], torch.Tensor]:
    """A function that gives, after each run of ``model``, what its encoder ended in: (batch, sequence, hidden).

    The last of ``hidden_states`` is not that of an encoder that normalises it once more, as ModernBERT's does.
    """
    kept: list[torch.Tensor] = []
    model.base_model.register_forward_hook(lambda module, arguments, output: kept.append(output[0]))
    return kept.pop


def pool(hidden: torch.Tensor, attention_mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool (batch, sequence, hidden) float to (batch, hidden).

    ``cls`` takes the first token; ``mean`` averages the tokens whose attention mask (batch, sequence) is 1; with
    ``+normalize`` behind it the result is scaled to length 1.
    """
    if pooling.endswith(NORMALIZE):
        pooled = pool(hidden, attention_mask, pooling.removesuffix(NORMALIZE))
        return pooled / (pooled * pooled).sum(dim=1, keepdim=True).sqrt().clamp(min=SHORTEST)
    if pooling == "cls":
        return hidden[:, 0]
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def pooling_nodes(hidden: str, attention_mask: str, output: str, pooling: str, opset: int) -> list[NodeProto]:
    """`pool` as ONNX nodes: the tensor ``hidden`` of any float type to ``output``, float32 (batch, hidden).

    Their names, and those of what they make, begin with ``scalemodel/``. Of standard operators, for ``opset`` 11
    and later.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    def name(part: str) -> str:
        return f"scalemodel/{output}/{part}"

    def make(operator: str, inputs: list[str], result: str, **attributes: Any) -> NodeProto:
        return helper.make_node(operator, inputs, [result], f"{result}/node", **attributes)

    def constant(part: str, value: object, kind: type[np.generic]) -> NodeProto:
        tensor = numpy_helper.from_array(np.array(value, dtype=kind), name(part))
        return helper.make_node("Constant", [], [name(part)], f"{name(part)}/node", value=tensor)

    def sum_of_tokens(summed: str, result: str) -> NodeProto:
        if opset < 13:  # the axes were an attribute
            return make("ReduceSum", [summed], result, axes=[1], keepdims=0)
        return make("ReduceSum", [summed, name("tokens")], result, keepdims=0)

    check_pooling(pooling)
    pooled = name("pooled") if pooling.endswith(NORMALIZE) else output
    states = make("Cast", [hidden], name("states"), to=TensorProto.FLOAT)
    if pooling.removesuffix(NORMALIZE) == "cls":
        first = constant("first", 0, np.int64)
        nodes = [states, first, make("Gather", [name("states"), name("first")], pooled, axis=1)]
    else:
        nodes = [
            states,
            constant("tokens", [1], np.int64),
            constant("column", [0, -1, 1], np.int64),  # 0 keeps the batch
            constant("one", 1, np.float32),
            make("Cast", [attention_mask], name("mask"), to=TensorProto.FLOAT),
            make("Reshape", [name("mask"), name("column")], name("weights")),
            make("Mul", [name("states"), name("weights")], name("kept")),
            sum_of_tokens(name("kept"), name("sum")),
            sum_of_tokens(name("weights"), name("count")),
            make("Max", [name("count"), name("one")], name("divisor")),
            make("Div", [name("sum"), name("divisor")], pooled),
        ]
    return nodes if pooled == output else [*nodes, make("LpNormalization", [pooled], output, axis=1, p=2)]
