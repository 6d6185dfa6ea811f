"""Tags to entities and back, as seqeval reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from harness.examples.entities import Entity, entities_in_words, entities_of, in_iob2, tags_of

TAGS = st.lists(st.sampled_from(["O", "B-a", "I-a", "B-b-c", "I-b-c"]), max_size=12)


@given(TAGS)
def test_entities_are_seqevals(tags: list[str]) -> None:
    wanted = [Entity(type_, start, end + 1) for type_, start, end in get_entities(tags)]
    assert entities_of(tags) == wanted


@given(TAGS)
def test_tags_in_iob2_say_the_same_and_stay_as_they_are(tags: list[str]) -> None:
    once = in_iob2(tags)
    assert entities_of(once) == entities_of(tags)
    assert in_iob2(once) == once == tags_of(entities_of(tags), len(tags))


@pytest.mark.parametrize(
    "tags",
    [
        "O B-a I-a B-a O B-b",  # IOB2
        "O I-a I-a B-a O I-b",  # IOB1: B- only where it would join what stands before
        "O B-a E-a S-a O S-b",  # BIOES
        "O B-a L-a U-a O U-b",  # BILOU
    ],
)
def test_four_schemes_are_read(tags: str) -> None:
    assert entities_of(in_iob2(tags.split())) == [("a", 1, 3), ("a", 3, 4), ("b", 5, 6)]


@pytest.mark.parametrize("tag", ["person", "X-person", "B-", "B", ""])
def test_what_is_no_tag_is_named(tag: str) -> None:
    with pytest.raises(ValueError) as raised:
        in_iob2(["O", tag])
    assert raised.value.args == (tag,)


def test_what_people_read_tells_places_and_types_apart() -> None:
    words = ["Oslo", "met", "Jo", "Bo", "in", "Oslo"]
    assert entities_in_words(words, ["O", "O", "B-p", "I-p", "O", "B-l"]) == "Jo Bo [p 3-4]; Oslo [l 6]"
    assert entities_in_words(words, ["B-l", "O", "B-p", "I-p", "O", "O"]) == "Oslo [l 1]; Jo Bo [p 3-4]"
    assert entities_in_words(words, ["O"] * 6) == "no entities"
