"""Errors of backends: one line that names the thing, the value and the way out."""

import re


class BackendError(Exception):
    """A backend cannot be had, cannot load an artifact, or failed on an input."""


class OutOfMemory(BackendError):
    """The device or the host ran out of memory while loading or inferring."""


_MEMORY_WORDS = (
    "out of memory",
    "failed to allocate memory",
    "bad_alloc",
    "bfcarena",
    "can't allocate memory",
)

_SOURCE_LOCATIONS = re.compile(
    r"/\S+\.(?:cc|cpp|h):\d+ [^()]*\([^)]*\) ?"  # ONNX Runtime's
    r"|Exception from \S+:\d+:? ?"  # OpenVINO's, one for each of its layers
    r"|Check '[^']*' failed at \S+:\d+:? ?"
)
"""Places in a runtime's own sources, before what it has to say."""

LONGEST = 300


def one_line(error: BaseException) -> str:
    """A runtime's message without its line breaks; of one beyond `LONGEST` characters the middle is left out.

    What was wrong stands at one of its ends.
    """
    whole = " ".join(str(error).split())
    text = _SOURCE_LOCATIONS.sub("", whole).strip() or whole or type(error).__name__
    if len(text) <= LONGEST:
        return text
    half = (LONGEST - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def from_runtime(what: str, error: BaseException) -> BackendError:
    """The `BackendError` for an exception of a runtime, `OutOfMemory` where that is what it says."""
    message = f"{what}: {one_line(error)}"
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS):
        return OutOfMemory(f"{message}; lower the token budget or the sequence length")
    return BackendError(message)
