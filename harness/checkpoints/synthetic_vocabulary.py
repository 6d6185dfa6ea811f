"""A WordPiece vocabulary of BERT's size without BERT's vocabulary: for models with random weights.

Common English words are whole tokens, other words fall into pieces of up to four letters, so texts are
about half as long again as under the real vocabulary.
"""

from __future__ import annotations

import heapq
import string
from itertools import product

SIZE = 30522
"""Tokens of bert-base-uncased."""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# English letters from the commonest to the rarest; the share of each falls roughly as 1 / rank.
_LETTERS = "etaoinshrdlcumwfgypbvkjxqz"

_WORDS = """
the of and in to a was is for as on by with he that at from his it an were are which be this had or has
first not their after new its but who they have one two her she been also other when during time into there
school more may years over only year most would world up city some where between later about such then war
united state states national part made used known no can all while university than through american him season
team film south north well made each until many him before game both use three being against became did
under life will out them so these if music high album since work any same name called year day group family
second number people home like because long off early house following music including around best water series
company several left area book party government system play form large public end history set john even place
per found own still back small album local general another church won club named played age what league near
four international former due british county major line released children german history french power along
station english show music began built population land single down service held member members law down death
built political much river show women men how great old little very good just could should must make way said
say see know think get go come take want give find tell ask seem feel try leave call too here now something
nothing right movie story never really always every few why again might down far done thing things us we you
your my our me i am do does than man woman young white black human body head hand eyes love real bad better
king queen son father mother brother student students research science court party art built language english
space north west east street road town village center region southern northern western eastern king century
"""


def synthetic_vocabulary() -> list[str]:
    """30,522 distinct tokens, always the same: special ones, characters, words, then pieces by likelihood."""
    characters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    tokens = dict.fromkeys(
        [
            *_SPECIAL,
            *characters,
            *(f"##{c}" for c in characters),
            *sorted(set(_WORDS.split())),
        ]
    )
    rank = {letter: position + 1 for position, letter in enumerate(_LETTERS)}
    pieces = heapq.merge(
        *(
            sorted((rank_product(letters, rank), "".join(letters)) for letters in product(_LETTERS, repeat=length))
            for length in (2, 3)
        )
    )
    for _, piece in pieces:
        for token in (f"##{piece}", piece):
            if len(tokens) < SIZE:
                tokens.setdefault(token)
    return list(tokens)


def rank_product(letters: tuple[str, ...], rank: dict[str, int]) -> int:
    """The letters' ranks multiplied: the smaller, the likelier the letters stand together."""
    result = 1
    for letter in letters:
        result *= rank[letter]
    return result
