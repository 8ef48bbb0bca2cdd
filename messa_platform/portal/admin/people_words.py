"""What is to become, and what became, of each address that is added to a group, in words (spec G11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.admin.seen_groups import Named
from messa_platform.tenants.people.add import Told
from messa_platform.tenants.people.plan import Word
from messa_platform.tenants.people.reading import Fault


@dataclass(frozen=True, slots=True)
class Words:
    """A word before and after, and how it looks: as good, as nothing to be done, or as refused."""

    planned: str
    became: str
    tone: str


WORDS: Mapping[Word, Words] = {
    Word.ADD: Words(msgid("New user"), msgid("Added as a new user"), "ok"),
    Word.RETURN: Words(msgid("Comes back: was removed before"), msgid("Came back"), "ok"),
    Word.MOVE: Words(msgid("Moves here"), msgid("Moved here"), "ok"),
    Word.MOVE_UNSEEN: Words(
        msgid("Moves here from another group"), msgid("Moved here from another group"), "ok"
    ),
    Word.TAKE: Words(
        msgid("Moves here from elsewhere: the address is of your domain"),
        msgid("Moved here from elsewhere: the address is of your domain"),
        "ok",
    ),
    Word.ASK: Words(
        msgid("Is asked by mail: not an address of yours yet"),
        msgid("Was asked by mail, and moves here after a yes"),
        "warn",
    ),
    Word.HERE: Words(msgid("Is here already"), msgid("Was here already"), "plain"),
    Word.DUPLICATE: Words(msgid("Stands further up as well"), msgid("Stands further up as well"), "plain"),
    Word.ASKED: Words(
        msgid("Was asked of late, or said no: gets no new mail"),
        msgid("Was asked of late, or said no: got no new mail"),
        "warn",
    ),
    Word.TOMORROW: Words(
        msgid("Has to wait until tomorrow: as many are asked by mail today as may be"),
        msgid("Not asked: as many were asked by mail as may be in a day. Add it again tomorrow"),
        "warn",
    ),
    Word.PAUSED: Words(
        msgid("Not asked by mail while the organisation is suspended"),
        msgid("Not asked by mail, since the organisation is suspended"),
        "warn",
    ),
    Word.BLOCKED: Words(
        msgid("Another admin has to see to it"), msgid("Another admin has to see to it"), "bad"
    ),
    Word.OPERATOR: Words(
        msgid("One of those who run the platform"), msgid("One of those who run the platform"), "bad"
    ),
    Word.BAD: Words(msgid("Not an e-mail address"), msgid("Not an e-mail address"), "bad"),
    Word.GONE: Words(
        msgid("The group was removed before its turn came"),
        msgid("The group was removed before its turn came"),
        "bad",
    ),
    Word.STOPPED: Words(
        msgid("Not done: whoever began this is no longer an admin of the group"),
        msgid("Not done: whoever began this is no longer an admin of the group"),
        "bad",
    ),
}
"""In the order in which they are counted up."""

FAULTS: Mapping[Fault, str] = {
    Fault.NO_ADDRESS: msgid("No e-mail address in this line"),
    Fault.NOT_AN_ADDRESS: msgid("Not an e-mail address"),
    Fault.TOO_LONG: msgid("Too long for an e-mail address"),
    Fault.OURS: msgid("An address of messa's own: a phone, and nobody who sends"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line for the page and the file. `source` is the group that the address leaves, "" where there is none or it may not be named."""

    place: int
    written: str
    name: str
    tone: str
    sentence: str
    source: str


def row_of(speech: Speech, told: Told, groups: Mapping[UUID, Named], *, is_done: bool) -> Row:
    """A line in words; `is_done`: it tells what became of it."""
    words = WORDS[told.word]
    sentence = words.became if is_done else words.planned
    if told.fault is not None:
        sentence = FAULTS[told.fault]
    left = groups.get(told.from_group_id) if told.from_group_id else None
    return Row(
        told.place,
        told.address or told.written,
        told.name,
        words.tone,
        speech.gettext(sentence),
        left.name if left else "",
    )


@dataclass(frozen=True, slots=True)
class Count:
    """How many lines have a word."""

    word: Word
    tone: str
    sentence: str
    count: int


def counts_of(speech: Speech, counts: Mapping[Word, int], *, is_done: bool) -> list[Count]:
    """The words that there are, each with its number of lines."""
    return [
        Count(word, words.tone, speech.gettext(words.became if is_done else words.planned), counts[word])
        for word, words in WORDS.items()
        if counts.get(word)
    ]
