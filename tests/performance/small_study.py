"""Processor time of a small study, all of its processes: ``python -m tests.performance.small_study``.

One tiny model in two formats, from an empty store to the report: nearly all of it is what each process imports.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = """\
study: small
formats: [onnx-fp32, onnx-int8-dynamic]
backends: [onnxruntime-cpu]
threads: 2
performance: null
tasks:
  text-classification:
    reference: tiny
    labels: [negative, positive]
    max_length: 64
    models: {tiny: {checkpoint: {embedded: tiny}}}
    data: {evaluation: {embedded: evaluation, size: 80}}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "small.yaml"
        study.write_text(STUDY)
        before = time.perf_counter()
        subprocess.run(
            [Path(sys.executable).with_name("scalemodel"), "run", study, "--store", Path(folder) / "runs"],
            check=True,
            capture_output=True,
        )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)  # of all that were waited for, theirs included
        print(
            f"a study of one tiny model in two formats: {used.ru_utime + used.ru_stime:.1f} s of processor time, "
            f"{time.perf_counter() - before:.1f} s"
        )


if __name__ == "__main__":
    main()
