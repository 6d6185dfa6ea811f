"""An encoder's matmuls with weights, grouped by the tensor that they multiply: what is quantized together."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from exporters.onnx.graph import EXTERNAL, MODEL, encoder_matmuls, read_model

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


@dataclass(frozen=True)
class MatmulGroup:
    """MatMul nodes with one input in common: query, key and value of a layer, or a single matmul."""

    name: str
    """``bert/encoder/layer.0/intermediate/dense``: what the names of the nodes have in common. A module that several
    layers share makes as many groups: the later ones are numbered."""
    input: str
    after: str
    """The operator that the input comes from: LayerNormalization, ..."""
    matmuls: tuple[NodeProto, ...]

    @property
    def outputs(self) -> list[str]:
        return [node.output[0] for node in self.matmuls]

    @property
    def weights(self) -> list[str]:
        """Names, one for each matmul."""
        return [node.input[1] for node in self.matmuls]


@dataclass(frozen=True)
class OpenedModel:
    """A graph whose large weights stay in a file, and are read one by one.

    BERT-large's are 1.3 GB: a copy in the graph, one in the session that calibrates and one in the result would
    be the memory that converting it takes.
    """

    model: ModelProto
    folder: Path

    @property
    def inputs(self) -> list[str]:
        return [value.name for value in self.model.graph.input]

    def groups(self) -> list[MatmulGroup]:
        """In the order of the graph."""
        names = set(encoder_matmuls(self.model.graph))
        by_input: dict[str, list[NodeProto]] = defaultdict(list)
        producer = {}
        for node in self.model.graph.node:
            producer.update(dict.fromkeys(node.output, node.op_type))
            if node.name in names:
                by_input[node.input[0]].append(node)
        seen = Counter[str]()
        groups = []
        for name, nodes in by_input.items():
            common = _common_name(nodes)
            seen[common] += 1
            unique = common if seen[common] == 1 else f"{common} {seen[common]}"
            groups.append(MatmulGroup(unique, name, producer.get(name, ""), tuple(nodes)))
        return groups

    def complete(self) -> ModelProto:
        """The model with its weights, which from then on are in memory."""
        import onnx

        onnx.load_external_data_for_model(self.model, str(self.folder))
        return self.model

    def weight(self, name: str) -> NDArray[np.float32]:
        from onnx import numpy_helper

        tensor = next(weight for weight in self.model.graph.initializer if weight.name == name)
        return np.asarray(numpy_helper.to_array(tensor, base_dir=str(self.folder)))

    def weights(self, group: MatmulGroup) -> list[NDArray[np.float32]]:
        """(inputs, outputs) of each matmul."""
        return [self.weight(node.input[1]) for node in group.matmuls]


def open_model(artifact: Path, folder: Path) -> OpenedModel:
    """The model of ``artifact``, its weights written to a file of their own in ``folder``."""
    import onnx

    onnx.save_model(
        read_model(artifact),
        str(folder / MODEL),
        save_as_external_data=True,
        location=EXTERNAL,
        size_threshold=1024,
    )
    return OpenedModel(read_model(folder, weights=False), folder)


def sharing_weights(groups: Sequence[MatmulGroup]) -> list[list[MatmulGroup]]:
    """The groups, those together that have a weight in common: the layers of ALBERT, hidden states and positions."""
    together: list[list[MatmulGroup]] = []
    for group in groups:
        own = set(group.weights)
        related = [others for others in together if any(own.intersection(other.weights) for other in others)]
        together = [others for others in together if others not in related]
        together.append([*(other for others in related for other in others), group])
    return together


def _common_name(nodes: list[NodeProto]) -> str:
    return posixpath.commonpath([posixpath.dirname(node.name) for node in nodes]).strip("/")
