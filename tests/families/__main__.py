"""``python -m tests.families``: verify every family in every format, and write the table of ``docs/exporting.md``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.families.checkpoints import FAMILIES
from tests.families.table import write_table
from tests.families.verified import Outcomes, verify_family


def main() -> int:
    rows: dict[str, Outcomes] = {}
    for name in FAMILIES:
        print(name, flush=True)
        with TemporaryDirectory() as folder:
            os.chdir(folder)  # the study names its files from there
            rows[name] = verify_family(name, Path(folder))
    write_table(rows)
    failures = [
        f"{name}: {format} on {backend}: {reason}"
        for name, found in rows.items()
        for (format, backend), reason in found.items()
        if backend and reason
    ]
    print("\n".join(failures) or "every deployment passed")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
