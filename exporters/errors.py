"""The error of this package, and what it quotes of others'."""


class ExportError(Exception):
    """Something that cannot be exported; the message is one line: the thing, the value, the way out."""


LONGEST = 300


def one_line(error: BaseException | str) -> str:
    """A library's message without its line breaks; of one beyond `LONGEST` characters the middle is left out.

    What was wrong stands at one of its ends.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    half = (LONGEST - 5) // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"
