"""Invented people with papers of Utopia, for the demo, the seed and tests. Nobody here exists.

The state is UTO, which no policy but the demo's and the tests' lets pass.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from service.kit.errors import JsonObject
from service.kit.mrz import Layout, MrzDate, MrzFields, compose
from service.kit.states import SPECIMEN


class Dice(Protocol):
    """``random.Random`` with a seed, or ``random.SystemRandom``."""

    def randrange(self, stop: int, /) -> int: ...


_FAMILY = (
    "Abelmark", "Bergström", "Castellane", "Dvoráková", "Eskelund", "Fairweather", "Grünwald", "Halvorsen",
    "Ibarra-Núñez", "Jónsdóttir", "Kowalczuk", "Lindqvist", "Marchetti", "Nakabayashi", "O'Dunleavy", "Petrescu",
    "Quillfeather", "Rosenblatt", "Söderholm", "Tamburini", "Ulvaeus", "Vanterpool", "Weißhaupt", "Yıldırım",
    "Zapatero", "Østergård", "Brambleby", "Thistlewood", "Del Monte", "van der Zee", "Okonkwo", "Ranasinghe",
)  # fmt: skip
_GIVEN = {
    "F": (
        "Anna", "Beatriz", "Chiara", "Dorothea", "Elif", "Freya", "Grace", "Hélène", "Ingrid", "Jasmin", "Katarína",
        "Lea", "Maria", "Nadia", "Olga", "Priya", "Rosa", "Saoirse", "Tove", "Ursula", "Valentina", "Wanda", "Zoë",
    ),
    "M": (
        "Anton", "Björn", "Carlos", "Dmitri", "Emil", "Farid", "Giovanni", "Henrik", "Ivo", "Jürgen", "Kofi", "Luca",
        "Mateusz", "Nils", "Oscar", "Pavel", "Rafael", "Søren", "Thomas", "Umberto", "Viktor", "Wim", "Yusuf",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InventedPerson:
    """Names as a person writes them; ``lines`` is the zone of their passport or card."""

    family_name: str
    given_names: str
    birth_date: date
    nationality: str
    sex: str
    document_number: str
    personal_number: str
    expiry: date
    lines: tuple[str, ...]

    def subscriber(self) -> JsonObject:
        """As ``POST /v1/registrations`` takes it."""
        return {
            "family_name": self.family_name,
            "given_names": self.given_names,
            "birth_date": self.birth_date.isoformat(),
            "nationality": self.nationality,
        }


def invent(dice: Dice, today: date, *, layout: Layout = Layout.TD3, min_age: int = 19) -> InventedPerson:
    """Somebody between ``min_age`` and 78 with a document that holds for another half year at least.

    The same dice and day give the same person. Nobody is born on 1 January, and no number is a published one.
    """
    sex = "FM"[dice.randrange(2)]
    names = _GIVEN[sex]
    first = names[dice.randrange(len(names))]
    second = names[dice.randrange(len(names))]
    family = _FAMILY[dice.randrange(len(_FAMILY))]
    birth = today - timedelta(days=365 * min_age + 20 + dice.randrange(365 * (78 - min_age)))
    if (birth.month, birth.day) == (1, 1):
        birth += timedelta(days=1)
    expiry = today + timedelta(days=183 + dice.randrange(3_400))
    number = f"U{'ACEHKPX'[dice.randrange(7)]}{dice.randrange(10**7):07d}"
    personal = f"{birth:%y%m%d}{dice.randrange(10**4):04d}"
    given = f"{first} {second}" if dice.randrange(3) and first != second else first
    return person(
        family, given, birth, sex=sex, number=number, personal_number=personal, expiry=expiry, layout=layout
    )


def person(
    family: str,
    given: str,
    birth: date,
    *,
    sex: str,
    number: str,
    personal_number: str,
    expiry: date,
    layout: Layout = Layout.TD3,
) -> InventedPerson:
    """Somebody of Utopia with these facts; raises ``Malformed`` where a zone cannot hold them."""
    codes = {Layout.TD3: "P", Layout.TD1: "I", Layout.TD2: "I", Layout.MRV_A: "V", Layout.MRV_B: "V"}
    fields = MrzFields(
        document_code=codes[layout],
        issuing_state=SPECIMEN,
        family_name=family,
        given_names=given,
        document_number=number,
        nationality=SPECIMEN,
        birth_date=MrzDate.of(birth),
        sex=sex,
        expiry_date=expiry,
        optional=personal_number if layout is Layout.TD3 else "",
    )
    return InventedPerson(
        family, given, birth, SPECIMEN, sex, number, personal_number, expiry, compose(layout, fields)
    )
