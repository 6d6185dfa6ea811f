"""A policy: limits on the figures of deployments, as a release may not break them.

rules:
  - deployments: "*/onnx-int8-*"
    limits:
      changed: at most floor + 1 %
      speed-up: at least 1.5 x
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from harness.config.figures import FIGURES, Base, Figure, figure_named
from harness.config.slips import meant
from harness.config.strict import Strict

CannotTell = Literal["fail", "warn", "pass"]


@dataclass(frozen=True)
class Limit:
    """A bound on a figure, such as "at most floor + 1 %"."""

    figure: Figure
    of: str
    """What the figure is of, such as a class; empty: of the whole."""
    number: float
    """In the figure's unit: the bound itself, or what is added to its base. In percent where it is a part of it."""
    base: Base | None
    """None: the number is the bound."""

    @property
    def name(self) -> str:
        return f"{self.figure.name} of {self.of}" if self.of else self.figure.name

    @property
    def stored(self) -> float:
        """The number, in the unit of the results; a factor where it is a part of its base."""
        return self.number / 100 if self.is_part else self.number * self.figure.scale

    @property
    def is_part(self) -> bool:
        """Whether the bound is a percentage of its base: "110 % of baseline"."""
        return self.base is not None and not self.figure.additive

    @property
    def bound(self) -> str:
        """As a policy writes it: "floor + 1 %"."""
        if self.base is None:
            return with_unit(f"{self.number:g}", self.figure)
        if self.is_part:
            return f"{self.number:g} % of {self.base}"
        sign = "-" if self.number < 0 else "+"
        added = with_unit(f"{abs(self.number):g}", self.figure)
        return f"{self.base} {sign} {added}" if self.number else str(self.base)

    def __str__(self) -> str:
        return f"{self.name} {self.figure.side} {self.bound}"


def with_unit(number: str, figure: Figure) -> str:
    return f"{number} {figure.unit}".rstrip()


_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_BOUND = re.compile(
    rf"(?P<side>at most|at least)?\s*(?:"
    rf"(?P<part>{_NUMBER})\s*%\s+of\s+(?:the\s+)?(?P<whole>floor|reference|baseline)"
    rf"|(?:the\s+)?(?P<base>floor|reference|baseline)(?:\s*(?P<sign>[+-])\s*(?P<margin>\d+(?:\.\d+)?)\s*(?P<of>\S*))?"
    rf"|(?P<number>{_NUMBER})\s*(?P<unit>\S*)"
    rf")"
)


def parse_limit(key: str, text: Any) -> Limit:
    """The limit that ``key: text`` says. Raises a pydantic error that names the way out."""
    named = figure_named(key)
    if named is None:
        word, *_ = key.split(" of ")
        figure = FIGURES.get(word.strip())
        nearest = meant(word, list(FIGURES))
        if figure is not None:
            remedy = (
                f"say of what, such as `{figure.name} of answerable`" if figure.of else f"write `{figure.name}` alone"
            )
        else:
            remedy = f"did you mean {nearest!r}?" if nearest else f"known: {', '.join(FIGURES)}"
        raise PydanticCustomError("limit", "is no figure; {told}", {"told": remedy})
    figure, part = named
    match = _BOUND.fullmatch(" ".join(str(text).split())) if not isinstance(text, bool) else None
    if match is None:
        raise _error(figure, f"{text!r} is no limit")
    if match["side"] not in (None, figure.side):
        raise _error(figure, f"{text!r}: {figure.better} is better")
    base = match["base"] or match["whole"]
    if base is not None and base not in figure.bases:
        known = " or ".join(figure.bases)
        hint = " (the speed-up is against it)" if figure.on_this_machine and base == "reference" else ""
        raise _error(figure, f"{text!r}: is not held against the {base}{hint}, but against {known} or a number")
    if (
        base is not None
        and figure.additive == (match["whole"] is not None)
        and not (match["base"] and not match["sign"])
    ):
        wanted = "a margin, not a part" if figure.additive else "a part, not a margin"
        raise _error(figure, f"{text!r}: takes {wanted}")
    unit = match["unit"] if match["number"] is not None else match["of"]
    if unit is not None and unit != figure.unit:
        raise _error(figure, f"{text!r}: " + (f"its unit is {figure.unit}" if figure.unit else "it has no unit"))
    if match["number"] is not None:
        number = float(match["number"])
    else:
        number = float(match["part"] or match["margin"] or (0 if figure.additive else 100))
        number = -number if match["sign"] == "-" else number
    wrong_way = figure.better == "larger" if number > 0 else figure.better == "smaller"
    if base == "floor" and number and wrong_way:
        raise _error(figure, f"{text!r}: {figure.better} is better")
    return Limit(figure, part, number, base)


def _error(figure: Figure, problem: str) -> PydanticCustomError:
    example = with_unit({"%": "5", "x": "1.5", "": "0.8", "bits": "0.02"}.get(figure.unit, "40"), figure)
    forms = [f"{figure.side} {example}"]
    for base in figure.bases:
        margin = with_unit({"%": "1", "": "0.05"}.get(figure.unit, "0.01"), figure)
        sign = "+" if figure.better == "smaller" else "-"
        part = "110" if figure.better == "smaller" else "90"
        forms.append(f"{figure.side} " + (f"{base} {sign} {margin}" if figure.additive else f"{part} % of {base}"))
    return PydanticCustomError(
        "limit", "{told}; write {forms}", {"told": problem, "forms": " or ".join(map(repr, forms))}
    )


def _with_keys(limits: Any) -> Any:
    return {key: (key, text) for key, text in limits.items()} if isinstance(limits, dict) else limits


def _listed(patterns: Any) -> Any:
    return (patterns,) if isinstance(patterns, str) else patterns


_LIMITS_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        figure.name: {"type": ["string", "number"], "description": figure.meaning}
        for figure in FIGURES.values()
        if not figure.of
    },
    "patternProperties": {
        f"^{figure.name} of .": {"type": ["string", "number"], "description": figure.meaning}
        for figure in FIGURES.values()
        if figure.of
    },
    "additionalProperties": False,
}


Patterns = Annotated[
    tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str]), Field(min_length=1)
]
"""One, or a list."""


class Rule(Strict):
    """Limits of the deployments that it names."""

    deployments: Patterns = ("*",)
    """A pattern of full names, such as "*/onnx-int8-*", or several: * is any text. Those that repeat the reference are
    left out."""
    tasks: Patterns = ("*",)
    """A pattern of tasks, or several."""
    limits: Annotated[
        dict[str, Annotated[Limit, PlainValidator(lambda pair: parse_limit(*pair))]],
        BeforeValidator(_with_keys),
        Field(min_length=1),
        WithJsonSchema(_LIMITS_SCHEMA),
    ]
    """By figure, such as `changed: at most 5 %`."""
    cannot_tell: CannotTell | None = None
    """For these limits, instead of the policy's."""


class Policy(Strict):
    """Limits on the figures of deployments."""

    cannot_tell: CannotTell = "fail"
    """What comes of a limit that the data cannot decide: fail (exit status 5), warn, or pass."""
    baseline: Path | None = None
    """What `scalemodel baseline` wrote, from the file that names it; `check --baseline` takes another."""
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
