"""The fast tokenizer of a folder, as `transformers` makes it of all the files there."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backends.errors import one_line
from exporters.files import CONFIG, EMBEDDING, TOKENIZER, TOKENIZER_SETTINGS
from harness.checkpoints.folder_check import VOCABULARIES, require_tokenizer
from harness.checkpoints.named_files import require_plain_settings
from harness.errors import UserError
from harness.tasks.fast_tokenizer import TOKEN_TYPES

VOCABULARY = "vocab.txt"
TOKENIZER_FILES = (TOKENIZER, TOKENIZER_SETTINGS, "special_tokens_map.json", VOCABULARY, EMBEDDING)
"""What is copied of a materialised checkpoint: what it puts before texts too."""

_WRITTEN_OUT = ("model_input_names", "truncation_side", "padding_side")
"""Settings whose default is that of the tokenizer's class: whoever reads the folder shall not need to know it."""
_BESIDE_VOCABULARY = ("merges.txt",)
_BESIDE_SETTINGS = ("special_tokens_map.json", "added_tokens.json", CONFIG)
"""What `transformers` may open beside a tokenizer with settings; config.json can name the tokenizer's class."""


def write_tokenizer(source: Path, destination: Path) -> Any:
    """Write the fast tokenizer of the checkpoint ``source`` to ``destination``; a slow one is converted.

    Truncation and padding that some tokenizer.json switch on are left out: whoever encodes sets them.
    Returns `transformers`' tokenizer. Raises `UserError` when there is none, or none that can be read.
    """
    require_tokenizer(source)
    try:
        tokenizer = read_reference(source)
    except Exception as error:  # transformers raises whatever its parsers raise
        raise UserError(f"cannot read the tokenizer of checkpoint {source}: {one_line(error)}") from None
    if not tokenizer.is_fast:
        raise UserError(f"the tokenizer of checkpoint {source} has no fast form (tokenizer.json): convert it first")
    _save(tokenizer, destination)
    return tokenizer


def copy_tokenizer(source: Path, destination: Path) -> None:
    """Copy the tokenizer of one materialised checkpoint folder to another."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, destination / name)


def read_reference(folder: Path) -> Any:
    """The fast tokenizer that `transformers` reads from ``folder``, with all its settings.

    Of the class that the folder names; else BERT's where there is a vocabulary alone, and without a class of its own
    where there is a tokenizer.json. Raises whatever `transformers` raises.
    """
    from transformers import AutoTokenizer, BertTokenizerFast, PreTrainedTokenizerFast

    loader: Any = AutoTokenizer
    settings, config = _read(folder / TOKENIZER_SETTINGS), _read(folder / CONFIG)
    if not (settings.get("tokenizer_class") or config.get("tokenizer_class") or config.get("model_type")):
        loader = PreTrainedTokenizerFast if (folder / TOKENIZER).is_file() else BertTokenizerFast
    options = {} if loader is not AutoTokenizer else {"use_fast": True, "trust_remote_code": False}
    with quiet():
        return loader.from_pretrained(folder, local_files_only=True, **options)


def prebuilt_tokenizer_files(folder: Path) -> list[Path]:
    """The files that a finished file's tokenizer in ``folder`` is read from.

    Raises `UserError` where there is none, or where its settings are damaged or name other files.
    """
    first = next((name for name in (TOKENIZER, *VOCABULARIES) if (folder / name).is_file()), None)
    if first is None:
        raise UserError(
            f"{folder} has no {TOKENIZER} and no {VOCABULARY}: name the folder of the tokenizer, as tokenizer"
        )
    if first not in (TOKENIZER, VOCABULARY) and not (folder / TOKENIZER_SETTINGS).is_file():
        raise UserError(
            f"{folder} has {first}, but no {TOKENIZER_SETTINGS} that tells which tokenizer's it is: save it with "
            "tokenizer.save_pretrained"
        )
    if not (folder / TOKENIZER_SETTINGS).is_file():
        return [folder / first]
    require_plain_settings(folder)
    names = (first, *_BESIDE_VOCABULARY, TOKENIZER_SETTINGS, *_BESIDE_SETTINGS)
    return [folder / name for name in names if (folder / name).is_file()]


def read_prebuilt_vocabulary(folder: Path) -> Any:
    """The `tokenizers.Tokenizer` of a finished file's tokenizer, for its tokens alone.

    Read without `transformers` where it is a tokenizer.json or a vocab.txt. Raises `UserError` for one that cannot be
    read.
    """
    from tokenizers import BertWordPieceTokenizer, Tokenizer

    first = prebuilt_tokenizer_files(folder)[0]
    if first.name not in (TOKENIZER, VOCABULARY):
        return _read_prebuilt(folder).backend_tokenizer
    loader = Tokenizer if first.name == TOKENIZER else BertWordPieceTokenizer
    try:
        return loader.from_file(str(first))
    except Exception as error:  # tokenizers raises plain Exception
        raise UserError(f"{first} cannot be read as a tokenizer ({one_line(error)}): save it again") from None


def write_prebuilt_tokenizer(folder: Path, destination: Path) -> None:
    """Write tokenizer.json and its settings, of the finished file's tokenizer in ``folder``, to ``destination``.

    A tokenizer.json alone says itself whether it tells a pair's texts apart. Raises `UserError`.
    """
    with staged(folder) as files:
        if [file.name for file in files.iterdir()] == [TOKENIZER]:
            _write_without_settings(files, destination)
            return
    with TemporaryDirectory() as saved:
        _save(_read_prebuilt(folder), Path(saved))
        for name in (TOKENIZER, TOKENIZER_SETTINGS):
            shutil.copyfile(Path(saved) / name, destination / name)


def _read_prebuilt(folder: Path) -> Any:
    """`transformers`' fast tokenizer of the `prebuilt_tokenizer_files` of ``folder``. Raises `UserError`."""
    with staged(folder) as files:
        try:
            tokenizer = read_reference(files)
        except Exception as error:  # transformers raises whatever its parsers raise
            line = one_line(error).replace(str(files), str(folder))
            raise UserError(f"the tokenizer in {folder} cannot be read as transformers reads it: {line}") from None
    if not tokenizer.is_fast:
        raise UserError(f"the tokenizer in {folder} has no fast form ({TOKENIZER}): convert it first")
    return tokenizer


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A copy of the `prebuilt_tokenizer_files` of ``folder``, for a reader that could open others beside them."""
    with TemporaryDirectory() as temporary:
        for file in prebuilt_tokenizer_files(folder):
            shutil.copyfile(file, Path(temporary) / file.name)
        yield Path(temporary)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of `transformers`: what matters of them is said here."""
    from transformers.utils import logging as transformers_logging

    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)


def _save(tokenizer: Any, destination: Path) -> None:
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.init_kwargs |= {name: getattr(tokenizer, name) for name in _WRITTEN_OUT}
    tokenizer.save_pretrained(destination)


def _write_without_settings(folder: Path, destination: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(destination / TOKENIZER))
    names = ["input_ids", "attention_mask", *([TOKEN_TYPES] if any(tokenizer.encode("a", "b").type_ids) else [])]
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": names}
    (destination / TOKENIZER_SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _read(file: Path) -> dict[str, Any]:
    """What a damaged file means is for `transformers` to say, which may not need it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
