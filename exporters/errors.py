"""The error of this package."""


class ExportError(Exception):
    """Something that cannot be exported; the message is one line: the thing, the value, the way out."""
