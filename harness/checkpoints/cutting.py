"""A student made of some of a model's layers.

DistilBERT (Sanh et al. 2019, section 3) starts from one layer of two of its teacher.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch.nn import Module, ModuleList
from transformers import PreTrainedModel

from harness.checkpoints.removed import require_layers
from harness.errors import UserError

_DEPTH = ("num_hidden_layers", "n_layers")


def cut_layers(model: PreTrainedModel, layers: Sequence[int], name: str) -> PreTrainedModel:
    """Keep the ``layers`` (indices from 0, in this order) of ``model``, with its embeddings and its head.

    ``name`` is the model's in the study. Raises `UserError` for a layer that it does not have, and for
    an architecture whose stack of layers cannot be told.
    """
    owner, attribute, stack = layer_stack(model, name)
    require_layers(layers, len(stack), name)
    if len(set(layers)) != len(layers):
        raise UserError(f"the layers {list(layers)} cut out of {name!r} repeat: name each once")
    setattr(owner, attribute, ModuleList([stack[layer] for layer in layers]))
    for field in _DEPTH:
        if field in model.config.to_dict():
            setattr(model.config, field, len(layers))
    return model


def layer_stack(model: PreTrainedModel, name: str) -> tuple[Module, str, ModuleList]:
    """The module list of as many modules as the configuration has layers, with its owner."""
    depth = model.config.num_hidden_layers
    stacks = [
        (path, module)
        for path, module in model.base_model.named_modules()
        if isinstance(module, ModuleList) and len(module) == depth
    ]
    if len(stacks) != 1:
        raise UserError(
            f"cannot cut {name!r}: its architecture {model.config.model_type} has no single stack of layers"
        )
    path, stack = stacks[0]
    owner, _, attribute = path.rpartition(".")
    return model.base_model.get_submodule(owner), attribute, stack
