"""The process in which ModelOpt quantizes.

``python -P -m exporters.quantization.modelopt_process GRAPH ROWS RESULT SETTINGS``

ModelOpt replaces functions of `onnxruntime.quantization` and of ONNX GraphSurgeon while it works, takes operators out
of their registries, and logs to standard output. In a process of its own none of it reaches what is exported next.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = Mapping[str, NDArray[np.int64]]


class Rows:
    """The calibration data of `save_rows`, by the methods that ModelOpt reads it with."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as file:
            inputs = json.loads(str(file["inputs"]))
            count = (len(file.files) - 1) // len(inputs)
            self._rows = [{name: file[f"{index} {name}"] for name in inputs} for index in range(count)]
        self.rewind()

    def get_next(self) -> Row | None:
        return next(self._left, None)

    def get_first(self) -> Row:
        return self._rows[0]

    def rewind(self) -> None:
        self._left: Iterator[Row] = iter(self._rows)


def save_rows(rows: Sequence[Row], path: Path) -> None:
    """Write ``rows``, all with the same inputs, to an ``.npz`` file."""
    arrays: dict[str, Any] = {f"{index} {name}": row[name] for index, row in enumerate(rows) for name in row}
    np.savez(path, inputs=json.dumps(list(rows[0])), **arrays)


def main(graph: str, rows: str, result: str, settings: str) -> None:
    """Quantize the file ``graph``, which is changed as well, into ``result``; ``settings`` are ModelOpt's, in JSON."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from modelopt.onnx.quantization import quantize

    given: dict[str, Any] = json.loads(settings)
    quantize(
        graph,
        calibration_data_reader=Rows(Path(rows)),
        calibration_eps=["cpu"],
        output_path=result,
        log_level="ERROR",
        **given,
    )


def _end_with_parent() -> None:
    """Standard input ends when the process that waits for this one is no longer there."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
