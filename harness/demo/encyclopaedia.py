"""The in-domain passages: short entries on invented people, towns, books and schools."""

from __future__ import annotations

from random import Random

from harness.demo.facts import Fact, Kind, Subject, words
from harness.demo.names import Names

WORDS = {
    "job": words(
        "painter, baker, teacher, doctor, farmer, tailor, printer, singer, sailor, gardener, builder, lawyer",
        "clockmaker, surveyor, goldsmith, organist, botanist, stonemason, beekeeper, interpreter",
    ),
    "relation": words("cousin, friend, neighbour, assistant, rival, partner", "landlord, publisher, patron"),
    "illness": words("a fever, old age, a cough, a stroke", "pneumonia, blood poisoning, typhus"),
    "collection": words(
        "old coins, maps, butterflies, stamps, shells, clocks, masks, dolls",
        "bird eggs, playing cards, keys, fossils, walking sticks",
    ),
    "language": words("Greek, Latin, Russian, French, Turkish, Polish", "Finnish, Arabic, Hungarian, Persian"),
    "number": words("two, three, four, five, six, seven, eight, nine", "eleven, twelve, fourteen, seventeen"),
    "prize": words(
        "the Silver Medal, the Crown Prize, the Golden Rose, the City Prize, the Star Award",
        "the Iron Laurel, the Harvest Cup, the Lantern Award, the Velvet Ribbon",
    ),
    "instrument": words("violin, flute, piano, harp, trumpet", "cello, oboe, accordion, bassoon"),
    "product": words(
        "glass, cheese, wool, paper, salt, bells, honey, leather",
        "mustard, barrels, lace, gunpowder, candles, slate",
    ),
    "month": words("March, April, May, June, August, September, October", "January, February, November"),
    "fair": words("horse, flower, book, fish, apple", "kite, pottery, cattle"),
    "direction": words("north, south, east, west"),
    "landmark": words(
        "a white tower, a round church, an old mill, a stone gate, a clock tower",
        "a ruined abbey, a lighthouse, a covered market, a wooden theatre",
    ),
    "mountain": words("the Grey Peak, the Old Bear, the Eagle Rock, the Three Sisters", "the Anvil, the Bald Monk"),
    "size": words("300, 400, 500, 600, 800, 900, 2000, 4000", "350, 720, 1200, 2600"),
    "title": words(
        "The Bells of, The Road to, A Winter in, The Women of, The Walls of, Letters from, The Last King of, "
        "A House in, The Garden of, Night over, The Ghost of, The Children of",
        "The Siege of, The Orchards of, An Evening in, The Archives of",
    ),
    "theme": words(
        "a lonely sailor, two brothers, a lost child, a poor teacher, a young queen, an old thief",
        "a blind watchmaker, a village priest, a travelling circus, a retired judge",
    ),
    "work": words("novel, play, opera, poem", "ballad, comedy, memoir"),
    "subject": words(
        "music, law, drawing, medicine, farming, sewing, cooking, dancing",
        "navigation, bookbinding, astronomy, glass blowing, shorthand",
    ),
    "emblem": words(
        "a white swan, a black bear, an oak tree, a red lion, a blue star", "a heron, an open book, a plough"
    ),
    "colour": words("green, blue, yellow, red, white", "purple, scarlet, silver"),
}


def _person(names: Names, rng: Random, own: bool) -> Subject:
    woman = rng.random() < 0.5
    name = f"{names.given(woman=woman)} {names.surname(own=own)}"
    return Subject(name, *(("She", "her") if woman else ("He", "his")), base_year=rng.randint(1790, 1890), type="PER")


def _town(names: Names, rng: Random, own: bool) -> Subject:
    return Subject(names.town(own=own), "It", "its", base_year=rng.randint(1400, 1700), type="LOC")


def _work(names: Names, rng: Random, own: bool) -> Subject:
    title = rng.choice(WORDS["title"].common + WORDS["title"].rare)
    return Subject(f"{title} {names.town(own=own)}", "It", "its", base_year=rng.randint(1800, 1950), type="MISC")


def _school(names: Names, rng: Random, own: bool) -> Subject:
    sort = rng.choice(("School", "Academy", "Institute", "College"))
    return Subject(f"the {names.surname(own=own)} {sort}", "It", "its", base_year=rng.randint(1780, 1920), type="ORG")


PERSON = Kind(
    _person,
    opening=Fact(
        ("{S} was a {job:job}.", "{S} worked as a {job:job}.", "{S} made a living as a {job:job}."),
        {"job": ("What did {E} do for a living?", "What was the job of {E}?", "What did {E} work as?")},
    ),
    link=Fact(
        (
            "{P} {relation:relation} {S} was a {job:job}.",
            "{P} {relation:relation} {S} worked as a {job:job}.",
        ),
        {
            "job": ("What did {E} do for a living?", "What was the job of {E}?", "What did {E} work as?"),
            "relation": ("What was {E} to {F}?", "How was {E} connected to {F}?"),
        },
    ),
    facts=(
        Fact(
            (
                "{S} was born in {birthplace:town} in {birthyear:year}.",
                "{S} was born in {birthyear:year} in the town of {birthplace:town}.",
                "{S} was born in {birthplace:town}.",
                "{S} was born in {birthyear:year}.",
            ),
            {
                "birthplace": (
                    "Where was {E} born?",
                    "In which town was {E} born?",
                    "What was the birthplace of {E}?",
                ),
                "birthyear": ("When was {E} born?", "In which year was {E} born?"),
            },
            years=(0, 0),
        ),
        Fact(
            (
                "{S} was taught by {teacher:person} in {school:town}.",
                "{S} studied in {school:town} under {teacher:person}.",
                "{S} was taught by {teacher:person}.",
                "{S} studied in {school:town}.",
            ),
            {
                "teacher": ("Who taught {E}?", "Under whom did {E} study?", "Who was the teacher of {E}?"),
                "school": ("Where did {E} study?", "In which town did {E} study?"),
            },
        ),
        Fact(
            (
                "{S} married {spouse:person} in {wedding:year}.",
                "In {wedding:year} {S} married {spouse:person}.",
                "{S} married {spouse:person}.",
            ),
            {
                "spouse": ("Whom did {E} marry?", "Who married {E}?"),
                "wedding": ("When did {E} marry?", "In which year did {E} marry?"),
            },
            years=(21, 38),
        ),
        Fact(
            (
                "{S} moved to {newhome:town} in {moving:year}.",
                "In {moving:year} {S} moved to {newhome:town}.",
                "{S} later moved to {newhome:town}.",
            ),
            {
                "newhome": ("Where did {E} move?", "To which town did {E} move?"),
                "moving": ("When did {E} move?", "In which year did {E} move?"),
            },
            years=(39, 46),
        ),
        Fact(
            (
                "{S} won {prize:prize} in {winning:year}.",
                "In {winning:year} {S} won {prize:prize}.",
                "{S} won {prize:prize}.",
            ),
            {
                "prize": ("Which prize did {E} win?", "What did {E} win?"),
                "winning": ("When did {E} win a prize?", "In which year did {E} win a prize?"),
            },
            years=(47, 55),
        ),
        Fact(
            (
                "{S} died of {illness:illness} in {dying:year}.",
                "{S} died in {dying:year} of {illness:illness}.",
                "{S} died of {illness:illness}.",
                "{S} died in {dying:year}.",
            ),
            {
                "illness": ("What did {E} die of?", "What was the cause of the death of {E}?"),
                "dying": ("When did {E} die?", "In which year did {E} die?"),
            },
            years=(56, 80),
        ),
        Fact(
            ("{S} collected {collection:collection}.", "{S} was fond of collecting {collection:collection}."),
            {"collection": ("What did {E} collect?", "What was in the collection of {E}?")},
        ),
        Fact(
            ("{S} had {children:number} children.", "{S} raised {children:number} children."),
            {"children": ("How many children did {E} have?", "How many children did {E} raise?")},
        ),
        Fact(
            ("{S} spoke {language:language} well.", "{S} learned to speak {language:language}."),
            {"language": ("Which language did {E} speak?", "What language did {E} learn?")},
        ),
        Fact(
            (
                "{S} played the {instrument:instrument}.",
                "In the evenings {S} played the {instrument:instrument}.",
            ),
            {"instrument": ("Which instrument did {E} play?", "What did {E} play?")},
        ),
    ),
)

TOWN = Kind(
    _town,
    opening=Fact(
        ("{S} is a town on the river {river:river}.", "{S} lies on the river {river:river}."),
        {"river": ("On which river does {E} lie?", "Which river flows through {E}?")},
    ),
    link=Fact(
        (
            "The nearest town is {S}, {miles:number} miles to the {direction:direction}.",
            "{miles:number} miles to the {direction:direction} lies {S}.",
        ),
        {
            "miles": ("How many miles is {E} from {F}?", "How far is {E} from {F}?"),
            "direction": ("In which direction is {E} from {F}?",),
        },
    ),
    facts=(
        Fact(
            (
                "{S} was founded in {founding:year} by {founder:person}.",
                "{S} was founded by {founder:person} in {founding:year}.",
                "{S} was founded in {founding:year}.",
                "{S} was founded by {founder:person}.",
            ),
            {
                "founding": ("When was {E} founded?", "In which year was {E} founded?"),
                "founder": ("Who founded {E}?", "By whom was {E} founded?"),
            },
            years=(0, 0),
        ),
        Fact(
            ("{S} is known for {P} {product:product}.", "{S} has long made {product:product}."),
            {"product": ("What is {E} known for?", "What is made in {E}?")},
        ),
        Fact(
            (
                "{S} holds a {fair:fair} fair every {month:month}.",
                "Every {month:month} {S} holds a {fair:fair} fair.",
            ),
            {
                "fair": ("What kind of fair does {E} hold?", "Which fair is held in {E}?"),
                "month": ("In which month does {E} hold a fair?", "When does {E} hold a fair?"),
            },
        ),
        Fact(
            ("{S} has about {size:size} people.", "About {size:size} people live in {N}."),
            {"size": ("How many people live in {E}?", "How many people does {E} have?")},
        ),
        Fact(
            (
                "The bridge of {N} was built by {engineer:person} in {bridge:year}.",
                "The bridge of {N} was built in {bridge:year}.",
                "The bridge of {N} was built by {engineer:person}.",
            ),
            {
                "engineer": ("Who built the bridge of {E}?", "By whom was the bridge of {E} built?"),
                "bridge": ("When was the bridge of {E} built?", "In which year was the bridge of {E} built?"),
            },
            years=(80, 190),
        ),
        Fact(
            ("The mayor of {N} is {mayor:person}.", "{S} is led by the mayor {mayor:person}."),
            {"mayor": ("Who is the mayor of {E}?", "Who leads {E} as mayor?")},
        ),
        Fact(
            (
                "Visitors to {N} admire {landmark:landmark}.",
                "In the middle of {N} stands {landmark:landmark}.",
            ),
            {"landmark": ("What do visitors to {E} admire?", "What stands in the middle of {E}?")},
        ),
        Fact(
            ("{S} lies at the foot of {mountain:mountain}.", "From {N} one can see {mountain:mountain}."),
            {
                "mountain": (
                    "Which mountain can one see from {E}?",
                    "At the foot of which mountain does {E} lie?",
                )
            },
        ),
        Fact(
            (
                "A fire destroyed most of {N} in {fire:year}.",
                "In {fire:year} most of {N} was destroyed by a fire.",
            ),
            {"fire": ("When did a fire destroy {E}?", "In which year was {E} destroyed by a fire?")},
            years=(20, 75),
        ),
    ),
)

WORK = Kind(
    _work,
    opening=Fact(
        ("{S} is a {work:work} by {author:person}.", "{S} is the best {work:work} by {author:person}."),
        {
            "author": ("Who wrote {E}?", "Who is the author of {E}?"),
            "work": ("What kind of work is {E}?",),
        },
    ),
    link=Fact(
        (
            "Some people prefer {S}, a {work:work} by {author:person}.",
            "It is often compared with {S}, a {work:work} by {author:person}.",
        ),
        {
            "author": ("Who wrote {E}?", "Who is the author of {E}?"),
            "work": ("What kind of work is {E}?",),
        },
    ),
    facts=(
        Fact(
            (
                "{S} was printed in {press:town} in {printing:year}.",
                "{S} was printed in {printing:year} in {press:town}.",
                "{S} was printed in {press:town}.",
                "{S} was printed in {printing:year}.",
            ),
            {
                "press": ("Where was {E} printed?", "In which town was {E} printed?"),
                "printing": ("When was {E} printed?", "In which year was {E} printed?"),
            },
            years=(0, 8),
        ),
        Fact(
            ("{S} tells the story of {theme:theme}.", "{S} is about {theme:theme}."),
            {"theme": ("What is {E} about?", "Whose story does {E} tell?")},
        ),
        Fact(
            ("{S} took {years:number} years to write.", "The author spent {years:number} years on {N}."),
            {"years": ("How many years did it take to write {E}?", "How many years were spent on {E}?")},
        ),
        Fact(
            ("{S} is dedicated to {honoured:person}.", "The first page of {N} thanks {honoured:person}."),
            {"honoured": ("To whom is {E} dedicated?", "Whom does the first page of {E} thank?")},
        ),
        Fact(
            (
                "{S} was translated into {language:language} by {translator:person}.",
                "{translator:person} translated {N} into {language:language}.",
                "{S} was translated into {language:language}.",
            ),
            {
                "language": (
                    "Into which language was {E} translated?",
                    "What language was {E} translated into?",
                ),
                "translator": ("Who translated {E}?", "By whom was {E} translated?"),
            },
        ),
        Fact(
            ("{S} won {prize:prize} in {winning:year}.", "{S} won {prize:prize}."),
            {
                "prize": ("Which prize did {E} win?", "What did {E} win?"),
                "winning": ("When did {E} win a prize?", "In which year did {E} win a prize?"),
            },
            years=(9, 20),
        ),
        Fact(
            ("The only copy of {N} is kept in {library:town}.", "{library:town} keeps the only copy of {N}."),
            {"library": ("Where is the only copy of {E} kept?", "Which town keeps the only copy of {E}?")},
        ),
        Fact(
            ("{S} sold {copies:size} copies.", "{copies:size} copies of {N} were sold."),
            {"copies": ("How many copies did {E} sell?", "How many copies of {E} were sold?")},
        ),
    ),
)

SCHOOL = Kind(
    _school,
    opening=Fact(
        ("{S} teaches {subject:subject}.", "{S} is a school of {subject:subject}."),
        {"subject": ("What does {E} teach?", "What can one learn at {E}?")},
    ),
    link=Fact(
        (
            "{P} rival is {S}, which teaches {subject:subject}.",
            "Next to it stands {S}, which teaches {subject:subject}.",
        ),
        {"subject": ("What does {E} teach?", "What can one learn at {E}?")},
    ),
    facts=(
        Fact(
            (
                "{S} was founded by {founder:person} in {founding:year}.",
                "{S} was founded in {founding:year} by {founder:person}.",
                "{S} was founded by {founder:person}.",
                "{S} was founded in {founding:year}.",
            ),
            {
                "founder": ("Who founded {E}?", "By whom was {E} founded?"),
                "founding": ("When was {E} founded?", "In which year was {E} founded?"),
            },
            years=(0, 0),
        ),
        Fact(
            ("{S} stands in {place:town}.", "{S} is in the town of {place:town}."),
            {"place": ("Where is {E}?", "In which town is {E}?")},
        ),
        Fact(
            ("{S} has {students:size} students.", "About {students:size} students attend {S}."),
            {"students": ("How many students does {E} have?", "How many students attend {E}?")},
        ),
        Fact(
            ("The head of {N} is {head:person}.", "{S} is led by {head:person}."),
            {"head": ("Who is the head of {E}?", "Who leads {E}?")},
        ),
        Fact(
            ("The emblem of {N} is {emblem:emblem}.", "{S} has {emblem:emblem} as {P} emblem."),
            {"emblem": ("What is the emblem of {E}?", "What does {E} have as its emblem?")},
        ),
        Fact(
            ("The students of {N} wear {colour:colour} coats.", "{colour:colour} coats are worn at {N}."),
            {
                "colour": (
                    "What colour are the coats of the students of {E}?",
                    "Which colour do the students of {E} wear?",
                )
            },
        ),
        Fact(
            ("A new hall was added to {N} in {hall:year}.", "In {hall:year} {S} added a new hall."),
            {"hall": ("When was a new hall added to {E}?", "In which year did {E} add a new hall?")},
            years=(15, 40),
        ),
        Fact(
            ("{S} once belonged to {owner:person}.", "Long ago {owner:person} owned {N}."),
            {"owner": ("To whom did {E} once belong?", "Who owned {E} long ago?")},
        ),
        Fact(
            ("Lessons at {N} begin in {month:month}.", "Each {month:month} the lessons of {N} begin."),
            {"month": ("In which month do lessons at {E} begin?", "When do lessons at {E} begin?")},
        ),
    ),
)

KINDS = (PERSON, PERSON, TOWN, WORK, SCHOOL)
"""People are twice as frequent as the rest."""
