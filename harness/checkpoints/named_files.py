"""Files that a checkpoint's own files name: beside them only, so that what a loader opens is what was hashed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backends.errors import one_line
from exporters.files import CONFIG
from harness.checkpoints.weight_files import INDEX
from harness.errors import UserError

ADAPTER = "adapter_config.json"
SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")
_NEVER_OPENED = "special_tokens_map_file"  # of many old settings, a path on the machine that saved them


def require_plain_weights(folder: Path) -> None:
    """Raise `UserError` where the weights of ``folder`` lie elsewhere, or safetensors are of another format.

    An index names its shards, and a configuration may name the weights and another configuration.
    """
    if (folder / ADAPTER).is_file():
        raise UserError(
            f"checkpoint {folder} is an adapter ({ADAPTER}), whose base model lies elsewhere: merge them "
            "(merge_and_unload) and save the result"
        )
    config = _read(folder / CONFIG)
    for name in _texts([config.get("transformers_weights"), config.get("configuration_files")]):
        _require_beside(folder, CONFIG, name)
    for index in sorted(folder.glob(f"*.safetensors{INDEX}")):
        shards(index)


def shards(index: Path) -> list[str]:
    """The names of the files that an index of weights names, beside it and in its format. Raises `UserError`."""
    suffix = Path(index.name.removesuffix(INDEX)).suffix
    names = sorted(set(_texts(_read(index).get("weight_map"))))
    for name in names:
        _require_beside(index.parent, index.name, name)
        if not name.endswith(suffix):
            raise UserError(
                f"{index} names {name!r}, which is not {suffix.removeprefix('.')} and may run code when opened: save "
                "the checkpoint again with save_pretrained(..., safe_serialization=True)"
            )
    return names


def require_plain_settings(folder: Path) -> None:
    """Raise `UserError` where the settings of the tokenizer in ``folder`` name files of their own.

    `transformers` opens what ``vocab_file`` and its like say, wherever it lies, and not what lies beside them.
    """
    for settings in SETTINGS:
        content = _read(folder / settings)
        for name in _texts(content.get("fast_tokenizer_files")):
            _require_beside(folder, settings, name)
        own = [key for key in content if key.endswith("_file") and key != _NEVER_OPENED]
        for key in [*own, "init_inputs"]:
            if content.get(key):
                raise UserError(
                    f"{folder / settings} has {key} ({str(content[key])[:80]}): take it out, a tokenizer is read from "
                    "the files beside it"
                )


def _require_beside(folder: Path, by: str, name: str) -> None:
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise UserError(
            f"{folder / by} names {name!r}: only files beside it are loaded; put it there, and its plain name here"
        )
    if not (folder / name).is_file():
        raise UserError(f"{folder / by} names {name!r}, which is not there: copy it too")


def _read(file: Path) -> dict[str, Any]:
    """Of a file that may be missing. Raises `UserError` for one that is no JSON object."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {file}: {one_line(error)}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file} holds no JSON object: save it again")
    return content


def _texts(value: Any) -> Iterator[str]:
    """All that is text in a value of JSON, its keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
