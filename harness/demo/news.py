"""The out-of-domain passages: news reports on invented companies, clubs and ships, in another style."""

from __future__ import annotations

from random import Random

from harness.demo.facts import Fact, Kind, Subject, words
from harness.demo.names import Names

WORDS = {
    "day": words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "count": words("12, 15, 24, 30, 45, 60, 75, 80, 110, 140, 200, 250, 320"),
    "money": words("$2 million, $5 million, $14 million, $40 million, $90 million, $300 million"),
    "goods": words("headphones, delivery vans, running shoes, frozen pizzas, solar panels, laptops, e-bikes"),
    "trouble": words("a software bug, faulty brakes, a data leak, a cracked engine, a strike, a power cut"),
    "score": words("2-0, 3-1, 1-1, 4-2, 0-0, 5-3"),
    "injury": words("a torn muscle, a broken ankle, a knee injury, a concussion"),
    "cargo": words("crude oil, containers, grain, frozen fish, new cars, timber"),
    "weather": words("heavy fog, high winds, a thunderstorm, freezing rain"),
    "rescuer": words("helicopter, coast guard, tug, lifeboat"),
    "player": words("goalkeeper, captain, striker, defender"),
}


def _company(names: Names, rng: Random, own: bool) -> Subject:
    sort = rng.choice(("Foods", "Motors", "Software", "Airlines", "Energy", "Media"))
    return Subject(f"{names.surname(own=own)} {sort}", "The firm", "its", base_year=rng.randint(1985, 2005), type="ORG")


def _club(names: Names, rng: Random, own: bool) -> Subject:
    sort = rng.choice(("United", "Rovers", "City", "Athletic", "Wanderers"))
    return Subject(f"{names.town(own=own)} {sort}", "The club", "its", base_year=rng.randint(1985, 2005), type="ORG")


def _ship(names: Names, rng: Random, own: bool) -> Subject:
    return Subject(
        f"the MV {names.surname(own=own)}", "The vessel", "its", base_year=rng.randint(1985, 2005), type="MISC"
    )


COMPANY = Kind(
    _company,
    opening=Fact(
        ("Shares in {N} fell {share:count} percent on {day:day}, traders said.",),
        {
            "share": ("By how many percent did shares in {E} fall?",),
            "day": ("On which day did shares in {E} fall?",),
        },
    ),
    link=Fact(
        ('Analysts at {N} called the news "a wake-up call" and cut {jobs:count} jobs themselves.',),
        {"jobs": ("How many jobs did {E} cut?",)},
    ),
    facts=(
        Fact(
            ("{S} is recalling {goods:goods} because of {trouble:trouble}, a spokesman told reporters.",),
            {"goods": ("What is {E} recalling?",), "trouble": ("Why is {E} recalling its products?",)},
        ),
        Fact(
            (
                "Regulators fined {N} {fine:money} last week.",
                "{S} was fined {fine:money}, according to court papers.",
            ),
            {"fine": ("How much was {E} fined?",)},
        ),
        Fact(
            (
                "Chief executive {boss:person} of {N} declined to comment.",
                "{S} has hired {boss:person} as chief executive.",
            ),
            {"boss": ("Who is the chief executive of {E}?",)},
        ),
        Fact(
            ("{S} plans to shut its plant in {plant:town}, unions warned.",),
            {"plant": ("Where does {E} plan to shut a plant?",)},
        ),
        Fact(
            ("{S} bought a rival from {seller:person} for {price:money}.",),
            {"seller": ("From whom did {E} buy a rival?",), "price": ("How much did {E} pay for a rival?",)},
        ),
    ),
)

CLUB = Kind(
    _club,
    opening=Fact(
        ("{S} drew a crowd of thousands on {day:day} and finished {score:score}.",),
        {"score": ("What was the score of {E}?",), "day": ("On which day did {E} play?",)},
    ),
    link=Fact(
        ("Fans of {N} were held up for {minutes:count} minutes at the gates, police said.",),
        {"minutes": ("For how many minutes were fans of {E} held up?",)},
    ),
    facts=(
        Fact(
            ("{S} lost {player:player} {hurt:person} to {injury:injury} before half-time.",),
            {"hurt": ("Who of {E} was hurt?",), "injury": ("What injury did a player of {E} have?",)},
        ),
        Fact(
            ("{S} sacked coach {coach:person} within hours.", "{S} stood by {coach:person}, the coach."),
            {"coach": ("Who is the coach of {E}?",)},
        ),
        Fact(
            ("{S} will pay {fee:money} for {signing:person}, sources say.",),
            {"fee": ("How much will {E} pay for a player?",), "signing": ("For whom will {E} pay?",)},
        ),
        Fact(
            ("{S} travels to {away:town} next weekend.",),
            {"away": ("Where does {E} travel next weekend?",)},
        ),
        Fact(
            ("{S} sold out in {minutes:count} minutes online.",),
            {"minutes": ("In how many minutes did {E} sell out?",)},
        ),
    ),
)

SHIP = Kind(
    _ship,
    opening=Fact(
        ("{S} ran aground near {place:town} early on {day:day}.",),
        {"place": ("Near which town did {E} run aground?",), "day": ("On which day did {E} run aground?",)},
    ),
    link=Fact(
        ("Nearby, {S} sent out a distress call with {crew:count} people on board.",),
        {"crew": ("How many people were on board {E}?",)},
    ),
    facts=(
        Fact(
            ("{S} was carrying {cargo:cargo}, port officials confirmed.",),
            {"cargo": ("What was {E} carrying?",)},
        ),
        Fact(
            ("Investigators blamed {weather:weather} for the trouble aboard {N}.",),
            {"weather": ("What was blamed for the trouble aboard {E}?",)},
        ),
        Fact(
            ('"Everyone aboard {N} is safe," said {rescuer:rescuer} pilot {pilot:person}.',),
            {"pilot": ("Who said that everyone aboard {E} is safe?",)},
        ),
        Fact(
            ("{S} is owned by {owner:person}, records show.", "Records show that {owner:person} owns {N}."),
            {"owner": ("Who owns {E}?",)},
        ),
        Fact(
            ("{S} will be towed to {port:town} at a cost of {cost:money}.",),
            {"port": ("To which town will {E} be towed?",), "cost": ("What will it cost to tow {E}?",)},
        ),
    ),
)

KINDS = (COMPANY, CLUB, SHIP)
