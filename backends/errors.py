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

_SOURCE_LOCATION = re.compile(r"/\S+\.(?:cc|cpp|h):\d+ [^()]*\([^)]*\) ?")
"""ONNX Runtime's "/onnxruntime_src/file.cc:729 void function(arguments) " before what it has to say."""


def one_line(error: BaseException, *, at_most: int = 300) -> str:
    """A runtime's message without its line breaks, cut to ``at_most`` characters."""
    text = _SOURCE_LOCATION.sub("", " ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= at_most else text[: at_most - 3] + "..."


def from_runtime(what: str, error: BaseException) -> BackendError:
    """The `BackendError` for an exception of a runtime, `OutOfMemory` where that is what it says."""
    message = f"{what}: {one_line(error)}"
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS):
        return OutOfMemory(f"{message}; lower the token budget or the sequence length")
    return BackendError(message)
