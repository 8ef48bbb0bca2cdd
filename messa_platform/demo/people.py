"""Who the demo's people are, and what they write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PASSWORD = "messa-demo-2026"  # noqa: S105 -- of all demo accounts; the demo listens on loopback only
OPERATOR = "operator@messa.example"


@dataclass(frozen=True, slots=True)
class Person:
    """A demo account and what it writes."""

    address: str
    name: str
    group: str
    texts: Sequence[str]


PEOPLE = (
    Person("admin@demo.example", "Anna Lindqvist", "Master", ("Driftinformation: e-posten startas om kl 18.00 i kväll.",)),
    Person(
        "user@demo.example", "Ulf Bergström", "Master",
        ("Kallelse: möte i kommunhuset torsdag kl 13.15, sal Eken.", "Glöm inte att lämna in tidrapporten före fredag."),
    ),
    Person(
        "sub@demo.example", "Sofia Åkesson", "Skolan",
        ("Elias är anmäld sjuk i dag. Stämmer det? /Skolexpeditionen", "Friluftsdag i morgon: ta med matsäck och oömma kläder.",
         "Föräldramöte för 4B onsdag kl 18.30 i matsalen. Välkomna!"),
    ),
    Person(
        "vikarie@demo.example", "Vikariepoolen", "Skolan",
        ("Kan du vikariera på Björkskolan i dag kl 8-14? Svara JA eller NEJ.",),
    ),
    Person(
        "jour@demo.example", "Jourhavande Omsorgen", "Omsorgen",
        ("LARM 14:07: trygghetslarm Storgatan 4 B. Kvittera.", "Nattpasset saknar en person. Kan du ta 21-07?"),
    ),
)  # fmt: skip

REMOTES = {
    "sub@demo.example": (
        "Elias mamma (4B)",
        "Noras pappa (2A)",
        "Vidar, vikarie",
        "Hemkunskapen, Lena",
        "Alice mormor",
        "Skolskjutsen",
        "Ismail pappa (6C)",
        "Fritids Björken",
        "Maja mamma (4B)",
        "Oskars pappa (1A)",
    ),
    "user@demo.example": (
        "Görans jobbmobil",
        "Birgitta, nämnden",
        "IT-jouren",
        "Vaktmästaren",
        "Karin på ekonomi",
    ),
    "jour@demo.example": ("Natt: Samira", "Natt: Kjell", "Bakjour"),
}
"""The display names that some accounts have given to their threads."""
