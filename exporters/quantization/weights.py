"""Parts that the two INT8 formats share: a place to work in, and the weights' range."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exporters.files import copy_tokenizer
from exporters.onnx.graph import (
    EXTERNAL,
    MODEL,
    embeddings,
    encoder_matmuls,
    link_model,
    move_model,
    read_model,
)
from exporters.quantization.instruction_set import WITHOUT_VNNI, instruction_set


@dataclass(frozen=True)
class Parts:
    """What of an ``onnx-fp32`` graph becomes INT8, by node name."""

    inputs: list[str]
    matmuls: list[str]
    embeddings: list[str]


def parts(parent: Path) -> Parts:
    """Read them; the graph itself, which may hold gigabytes of weights, is let go of."""
    graph = read_model(parent, weights=False).graph
    return Parts([value.name for value in graph.input], encoder_matmuls(graph), embeddings(graph))


@dataclass(frozen=True)
class Workplace:
    """Paths for `onnxruntime.quantization`, which writes beside its input, so never into the parent."""

    source: Path
    result: Path
    external: bool
    """The parent keeps its weights in a second file; the result may have to as well."""


@contextmanager
def quantized_into(destination: Path, parent: Path) -> Iterator[Workplace]:
    """Work in a scratch folder of ``destination``; on success what was written to ``result`` moves in."""
    with tempfile.TemporaryDirectory(dir=destination, prefix=".export-") as scratch:
        before, after = Path(scratch) / "before", Path(scratch) / "after"
        before.mkdir()
        after.mkdir()
        with _without_advice():
            yield Workplace(link_model(parent, before), after / MODEL, (parent / EXTERNAL).is_file())
        move_model(after, destination)
    copy_tokenizer(parent, destination)


def reduced_range() -> bool:
    """Whether weights take 7 bits of 8, see `exporters.quantization.instruction_set.instruction_set`."""
    return instruction_set() == WITHOUT_VNNI


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep `onnxruntime.quantization` from advising preprocessing that does nothing for these graphs.

    It logs to the root logger, which without a handler would install one for the whole process.
    """
    root, handler, before = logging.getLogger(), logging.NullHandler(), logging.root.manager.disable
    root.addHandler(handler)
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)
        root.removeHandler(handler)
