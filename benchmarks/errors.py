"""The exception of the package."""


class BenchmarkError(Exception):
    """Bad input to a measure. The message is one line that names the thing, the value and the way out."""
