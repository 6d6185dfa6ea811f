"""Settings of embeddings in the files of sentence-transformers beside a checkpoint. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from backends.errors import one_line
from exporters.embedding import Embedding
from exporters.pooling import Pooling
from harness.errors import UserError

MODULES = "modules.json"
PROMPTS = "config_sentence_transformers.json"
LENGTH = "sentence_bert_config.json"

_POOLED = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
_KINDS = {"query": ("query",), "document": ("document", "passage", "corpus")}
"""Names of prompts by the kind of text, in the order in which sentence-transformers looks for them."""


def module_files(folder: Path) -> list[Path]:
    """Files of sub-folders that `read_modules` reads too."""
    modules = _read(folder / MODULES, list) or []
    files = (folder / _place(folder, module) / "config.json" for module in modules if _kind(module) == "Pooling")
    return [file for file in files if file.is_file()]


def read_modules(folder: Path) -> Embedding:
    """The checkpoint's own pooling, normalisation, prompts and longest text; one that says nothing has the defaults.

    Raises:
        UserError: a file is damaged, or asks for what is not done here: a Dense module, another pooling.
    """
    modules, settings = _read(folder / MODULES, list), _read(folder / PROMPTS, dict) or {}
    length = (_read(folder / LENGTH, dict) or {}).get("max_seq_length")
    embedding = Embedding(prompts=_prompts(settings), max_tokens=length if isinstance(length, int) else None)
    if modules is None:
        return embedding
    kinds = [_kind(module) for module in modules]
    if kinds[:1] != ["Transformer"] or kinds[1:] not in (["Pooling"], ["Pooling", "Normalize"]):
        raise UserError(
            f"{folder / MODULES}: the modules are {', '.join(kinds)}; embeddings are made of Transformer, Pooling and "
            "Normalize alone; take another checkpoint"
        )
    pooling = _pooling(folder / _place(folder, modules[1]) / "config.json")
    # Cosines are of normalised vectors, whoever normalises them; products are of vectors as they are.
    if "Normalize" in kinds or settings.get("similarity_fn_name") != "dot":
        pooling = "cls+normalize" if pooling == "cls" else "mean+normalize"
    return replace(embedding, pooling=pooling)


def _pooling(file: Path) -> Pooling:
    content = _read(file, dict)
    if content is None:
        raise UserError(f"{file} is not there: copy it too, it says how the checkpoint is pooled")
    asked = [name for name, value in content.items() if name.startswith("pooling_mode_") and value is True]
    pooling = _POOLED.get(asked[0]) if len(asked) == 1 else None
    if pooling is None:
        raise UserError(f"{file}: pools by {', '.join(asked) or 'nothing'}; known are {' and '.join(_POOLED)}, alone")
    if content.get("include_prompt") is False:
        raise UserError(f"{file}: include_prompt is false; a prompt's tokens cannot be left out of the mean here")
    return "cls" if pooling == "cls" else "mean"


def _prompts(settings: Mapping[str, Any]) -> dict[str, str]:
    prompts = settings.get("prompts") or {}
    default = str(prompts.get(settings.get("default_prompt_name"), ""))
    by_kind = {
        kind: next((str(prompts[name]) for name in names if name in prompts), default) for kind, names in _KINDS.items()
    }
    return {"": default, **by_kind}


def _kind(module: Any) -> str:
    """The class's name: ``sentence_transformers.models.Pooling``."""
    return str(module.get("type") if isinstance(module, dict) else module).rpartition(".")[2]


def _place(folder: Path, module: Any) -> str:
    path = str(module.get("path", ""))
    if path in ("", ".", "..") or "/" in path or "\\" in path:
        raise UserError(f"{folder / MODULES}: names the folder {path!r}; only folders beside it are read")
    return path


def _read(file: Path, kind: type) -> Any:
    """None where there is no such file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {file}: {one_line(error)}") from None
    if not isinstance(content, kind):
        raise UserError(f"{file} holds no JSON {'array' if kind is list else 'object'}: save it again")
    return content
