"""Reviews of invented films, and, out of domain, of household devices.

A review is a few sentences. Each carries a verdict, or only describes. Words of praise and blame are
negated, hedged, conceded ("although X, Y") and hoped for in vain ("it could have been X"), so that a count
of them does not tell the label; the verdicts of main clauses do.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from harness.demo.names import Names
from harness.demo.review_words import DEVICES, STORIES, Domain
from harness.examples.records import LabelledText, TextExample

RARE_WORDS = {"train": 0.03, "evaluation": 0.22, "out-of-distribution": 0.22}
"""How often an adjective comes from the rare ones."""

VERDICTS = (
    (8, "plain"),
    (2, "negated"),
    (4, "contrast"),
    (3, "hedged"),
    (1, "in vain"),
    (1, "expectation"),
    (1, "comparison"),
    (1, "deed"),
)
"""How a sentence can say its verdict, with how often it does."""

_OF_ONE_ASPECT = ("plain", "plain", "negated", "hedged", "in vain", "comparison")
OPINIONS = ("story", "writing", "acting", "craft", "praise")
"""What a review may speak of, and whether it praises."""
_STORY = ("plot", "story", "love story", "ending", "first half", "second half", "opening scene")
_ASPECTS = {
    **dict.fromkeys(_STORY, "story"),
    **dict.fromkeys(("dialogue", "script", "humour"), "writing"),
    **dict.fromkeys(("acting", "cast", "lead actor"), "acting"),
    **dict.fromkeys(("music", "camera work", "direction"), "craft"),
}


def review_examples(split: str, rng: Random, prefix: str) -> Iterator[TextExample]:
    """Reviews without end, each its own group; of every two successive labels one is positive."""
    domain = DEVICES if split == "out-of-distribution" else STORIES
    number = 0
    while True:
        labels = [0, 1]
        rng.shuffle(labels)
        for label in labels:
            identity = f"{prefix}-r{number}"
            text = _write(domain, split, rng, positive=label == 1)
            yield TextExample(id=identity, group=identity, text=text, label=label)
            number += 1


def opinion_examples(split: str, rng: Random, prefix: str) -> Iterator[LabelledText]:
    """Reviews without end that praise or blame several aspects, with those of `OPINIONS` that they hold.

    Devices have aspects of their own, which have no label.
    """
    domain = DEVICES if split == "out-of-distribution" else STORIES
    number = 0
    while True:
        review = _Review(domain, rng, RARE_WORDS[split])
        positive = rng.random() < 0.5
        sentences = [review.description(domain.name(Names(split, rng), rng))]
        held = {"praise"} if positive else set()
        for _ in range(rng.choice((1, 2, 2, 3))):
            sentence, aspect = review.verdict_on_one(positive)
            sentences.append(sentence)
            held.add(_ASPECTS.get(aspect, ""))
        labels = tuple(index for index, opinion in enumerate(OPINIONS) if opinion in held)
        identity = f"{prefix}-o{number}"
        yield LabelledText(identity, identity, " ".join(sentences), labels)
        number += 1


def _write(domain: Domain, split: str, rng: Random, *, positive: bool) -> str:
    review = _Review(domain, rng, RARE_WORDS[split])
    name = domain.name(Names(split, rng), rng)
    sentences = [review.verdict(positive) for _ in range(rng.choice((2, 2, 3)))]
    if rng.random() < 0.25 and len(sentences) == 3:
        sentences[rng.randrange(2)] = review.concession(positive)
    sentences.insert(0, review.description(name))
    if rng.random() < 0.3:
        sentences.insert(rng.randrange(1, len(sentences)), review.remark())
    if rng.random() < 0.15:
        sentences.append(rng.choice(domain.closings[positive]))
    return " ".join(sentences)


class _Review:
    """Writes sentences that do not repeat an aspect or an adjective."""

    def __init__(self, domain: Domain, rng: Random, rare: float) -> None:
        self._domain = domain
        self._rng = rng
        self._rare = rare
        self._used: set[str] = set()

    def description(self, name: str) -> str:
        return self._rng.choice(self._domain.openings).format(name=name, topic=self._new(self._domain.topics))

    def remark(self) -> str:
        return self._new(self._domain.remarks)

    def verdict(self, positive: bool) -> str:
        """A sentence whose main clause praises or blames."""
        weights, ways = zip(*VERDICTS, strict=True)
        sentence = self._say(self._rng.choices(ways, weights)[0], positive)
        return sentence[0].upper() + sentence[1:]

    def verdict_on_one(self, positive: bool) -> tuple[str, str]:
        """A sentence that praises or blames one aspect, and that aspect."""
        before = set(self._used)
        sentence = self._say(self._rng.choice(_OF_ONE_ASPECT), positive)
        (aspect,) = (self._used - before).intersection(self._domain.aspects)
        return sentence[0].upper() + sentence[1:], aspect

    def concession(self, positive: bool) -> str:
        """One weak sentence for the other side, marked as such."""
        opening = self._rng.choice(("Admittedly,", "To be fair,", "One complaint:" if positive else "One good point:"))
        return f"{opening} {self._clause(not positive)}."

    def _say(self, way: str, positive: bool) -> str:
        domain, rng = self._domain, self._rng
        match way:
            case "plain":
                return f"{self._clause(positive)}."
            case "negated":
                negated = rng.choice(
                    ("is not {}", "is hardly {}", "is never {}", "is anything but {}", "is far from {}")
                )
                return f"{self._aspect()} {negated.format(self._adjective(not positive))}."
            case "contrast":
                weak, strong = self._clause(not positive), self._clause(positive)
                contrast = rng.choice(
                    (
                        "although {weak}, {strong}.",
                        "even if {weak}, {strong}.",
                        "{strong}, although {weak}.",
                        "{weak}, but {strong}, and that matters more.",
                        "who cares that {weak} when {strong}?",
                        "despite the claim that {weak}, {strong}.",
                    )
                )
                return contrast.format(weak=weak, strong=strong)
            case "hedged":
                hedges = ("is, I think, rather {}", "seemed quite {} to me", "is, on the whole, {}")
                hedge = rng.choice(hedges)
                return f"{self._aspect()} {hedge.format(self._adjective(positive))}."
            case "in vain":
                if positive:
                    return rng.choice(
                        (
                            "{aspect} could easily have been {bad}, and it is not.",
                            "I feared that {aspect} would be {bad}; I was wrong.",
                        )
                    ).format(aspect=self._aspect(), bad=self._adjective(False))
                return rng.choice(
                    (
                        "{aspect} could easily have been {good}, and it is not.",
                        "I hoped that {aspect} would be {good}; I was wrong.",
                    )
                ).format(aspect=self._aspect(), good=self._adjective(True))
            case "expectation":
                return rng.choice(
                    (
                        "I expected something {other} and got something {own}.",
                        "it promised to be {other} and turned out {own}.",
                    )
                ).format(other=self._adjective(not positive), own=self._adjective(positive))
            case "comparison":
                own, other = self._adjective(positive), self._adjective(not positive)
                if rng.random() < 0.5:
                    return f"{self._aspect()} is {own} rather than {other}."
                return f"{self._aspect()} is not so much {other} as {own}."
            case _:
                return self._new(domain.deeds[positive])

    def _clause(self, positive: bool) -> str:
        very = self._rng.choice(("", "", "", "very ", "truly ", "simply "))
        return f"{self._aspect()} is {very}{self._adjective(positive)}"

    def _aspect(self) -> str:
        return f"the {self._new(self._domain.aspects)}"

    def _adjective(self, positive: bool) -> str:
        adjectives = self._domain.adjectives[positive]
        return self._new(adjectives.rare if self._rng.random() < self._rare else adjectives.common)

    def _new(self, choices: tuple[str, ...]) -> str:
        """One that this review has not had; when it had all, any."""
        chosen = self._rng.choice([choice for choice in choices if choice not in self._used] or choices)
        self._used.add(chosen)
        return chosen
