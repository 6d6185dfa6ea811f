"""pyarrow without pandas, which it would import with its first table: half a second of each process, for nothing."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["pa", "pq"]


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


if "pandas" not in sys.modules:
    sys.meta_path.insert(0, _NoPandas())
    try:
        pa.array([])  # pyarrow looks for pandas once, and again only for a DataFrame
    finally:
        del sys.meta_path[0]
