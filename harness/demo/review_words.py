"""The words of the reviews: what is reviewed, its aspects, and how it is praised and blamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from harness.demo.facts import ValuePool, words
from harness.demo.names import Names


@dataclass(frozen=True)
class Domain:
    """Pairs are indexed by the label: negative, positive."""

    name: Callable[[Names, Random], str]
    openings: tuple[str, ...]
    topics: tuple[str, ...]
    aspects: tuple[str, ...]
    adjectives: tuple[ValuePool, ValuePool]
    deeds: tuple[tuple[str, ...], tuple[str, ...]]
    remarks: tuple[str, ...]
    closings: tuple[tuple[str, ...], tuple[str, ...]]


def _story(names: Names, rng: Random) -> str:
    return f"{rng.choice(('The Bells of', 'The Road to', 'A Winter in', 'The Ghost of', 'Night over'))} {names.town(own=True)}"


def _device(names: Names, rng: Random) -> str:
    return f"{names.surname(own=True)} {rng.choice(('Compact', 'Plus', 'Home', 'Junior'))}"


STORIES = Domain(
    name=_story,
    openings=(
        "{name} tells the story of {topic}.",
        "{name} is about {topic}.",
        "In {name} we follow {topic}.",
        "{name} is a film about {topic}.",
        "Last week I saw {name}, a film about {topic}.",
    ),
    topics=(
        "a lonely sailor",
        "two brothers",
        "a lost child",
        "a poor teacher",
        "a young queen",
        "an old thief",
        "a family at sea",
        "a village doctor",
        "three sisters",
        "a retired judge",
        "a girl and her horse",
        "a night in the city",
    ),
    aspects=(
        "plot",
        "acting",
        "music",
        "ending",
        "dialogue",
        "script",
        "camera work",
        "story",
        "humour",
        "first half",
        "second half",
        "cast",
        "lead actor",
        "love story",
        "opening scene",
        "direction",
    ),
    adjectives=(
        words(
            "boring, dull, weak, silly, clumsy, awful, flat, tired, slow, poor, bad, empty, cold, messy, lazy, "
            "terrible, confused, annoying, pointless, forced",
            "tedious, bland, hollow, dreary, contrived, stale, shallow, murky, grating, leaden, lifeless, trite",
        ),
        words(
            "brilliant, moving, funny, clever, warm, great, good, lovely, gripping, fresh, charming, superb, fine, "
            "honest, rich, sharp, touching, elegant, strong, exciting",
            "dazzling, witty, tender, radiant, subtle, graceful, poignant, inventive, haunting, spirited, deft, sublime",
        ),
    ),
    deeds=(
        (
            "I looked at my watch every five minutes.",
            "Half of the audience left early.",
            "I cannot recommend it to anyone.",
            "It failed to hold my attention.",
            "I would not watch it again.",
            "My friends and I fell asleep.",
            "Nobody laughed at the jokes.",
            "I want my money back.",
        ),
        (
            "I forgot to look at my watch.",
            "The whole audience stayed to the end and clapped.",
            "I can recommend it to anyone.",
            "It never failed to hold my attention.",
            "I would gladly watch it again.",
            "My friends and I could not stop talking about it.",
            "Everybody laughed at the jokes.",
            "It was worth every penny.",
        ),
    ),
    remarks=(
        "It runs for two hours.",
        "I went with my sister.",
        "The film was made in three months.",
        "It was raining outside.",
        "The cinema was half full.",
        "It is based on an old novel.",
        "There is a scene on a train.",
        "The director has made four films before.",
    ),
    closings=(
        ("Do not bother.", "Save your time.", "One to avoid.", "I was not convinced."),
        ("Do not miss it.", "Make time for it.", "One to remember.", "I was convinced."),
    ),
)

DEVICES = Domain(
    name=_device,
    openings=(
        "Bought the {name} {topic}.",
        "We have used the {name} {topic}.",
        "The {name} arrived {topic}.",
        "Ordered the {name} online {topic}.",
    ),
    topics=(
        "in May",
        "last month",
        "for my kitchen",
        "as a gift",
        "for the office",
        "after our old one broke",
    ),
    aspects=(
        "battery",
        "handle",
        "lid",
        "motor",
        "display",
        "cable",
        "suction",
        "manual",
        "switch",
        "packaging",
        "water tank",
        "timer",
        "filter",
        "charger",
        "customer service",
        "build quality",
    ),
    adjectives=(
        words(
            "bad, poor, weak, awful, terrible, annoying, clumsy, cheap, flimsy, useless, silly, disappointing",
            "mediocre, shoddy, dreadful, inferior, fiddly, defective, laughable, dismal",
        ),
        words(
            "good, great, fine, strong, clever, lovely, sturdy, reliable, handy, superb, solid, excellent",
            "durable, sleek, robust, flawless, dependable, ingenious, outstanding, splendid",
        ),
    ),
    deeds=(
        (
            "It broke after a week.",
            "I sent it back.",
            "Now it gathers dust in the cupboard.",
            "The shop refused a refund.",
        ),
        (
            "It still works after a year.",
            "I ordered a second one.",
            "Now we use it every morning.",
            "My neighbour wants one too.",
        ),
    ),
    remarks=(
        "It comes in black.",
        "The box weighs two kilos.",
        "Delivery took four days.",
        "It has three settings.",
    ),
    closings=(
        ("Zero stars.", "Buy something else.", "Not for me."),
        ("Five stars.", "Buy it.", "Just right for me."),
    ),
)
