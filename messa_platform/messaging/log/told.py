"""The log in words, for a file: what its columns are called, and what was asked for, by whom and when (spec L1, L2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.i18n import Speech, msgid
from messa_platform.messaging.log.asked import Asked, Column
from messa_platform.messaging.statuses import Direction
from messa_platform.tenants.places import Place

HEADINGS: Mapping[Column, str] = {
    Column.DATE: msgid("Date"),
    Column.GROUP: msgid("Group"),
    Column.EMAIL: msgid("E-mail"),
    Column.NUMBER: msgid("Mobile number"),
    Column.DIRECTION: msgid("in/out"),
    Column.STATUS: msgid("Status"),
    Column.PARTS: msgid("Count"),
}
"""The columns, in their order."""

_DIRECTIONS: Mapping[Direction, str] = {Direction.OUT: msgid("out"), Direction.IN: msgid("in")}


def headings(speech: Speech) -> list[str]:
    """What stands above the columns."""
    return [speech.gettext(heading) for heading in HEADINGS.values()]


def directions(speech: Speech) -> dict[str, str]:
    """The word for each direction."""
    return {direction.value: speech.gettext(word) for direction, word in _DIRECTIONS.items()}


def removed_mark(speech: Speech) -> str:
    """What stands behind the name of a group of which only the tombstone is left."""
    return " " + speech.gettext("(removed)")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asked for a file, of which group and when. `by` is "" if it was the platform's operator."""

    organisation: str
    group: Place
    by: str
    at: datetime


Fact = tuple[str, str | int | date | datetime]
"""What it is, and its value; a datetime is by the asker's clock and knows of no zone."""

# Only as far as the search reaches: what lies beyond has no name here.
_WITHIN = "(CAST(:within AS uuid[]) IS NULL OR {} = ANY(CAST(:within AS uuid[])))"
_NAME = text(f'SELECT name FROM "group" WHERE id = :id AND tenant_id = :tenant_id AND {_WITHIN.format("id")}')
_ADDRESS = text(
    "SELECT address FROM message_sender WHERE tenant_id = :tenant_id AND account_id = :id"
    f" AND {_WITHIN.format('group_id')} ORDER BY group_id LIMIT 1"
)


def facts(session: Session, speech: Speech, asked: Asked, asking: Asking) -> list[Fact]:
    """What was asked for, a line each; two statements at the most."""
    _ = speech.gettext
    is_alone = asked.scope.group_ids == (asking.group.id,)
    reach = _("without subgroups") if is_alone else _("with its subgroups")
    return [
        (_("Organisation"), asking.organisation),
        (_("Group"), f"{asking.group.name} ({reach})"),
        (_("From the day"), speech.day(asked.since)),
        (_("To the day"), speech.day(asked.until - timedelta(milliseconds=1))),
        *_narrowed(session, speech, asked),
        (_("Sorted by"), _order(speech, asked)),
        (_("Asked for by"), asking.by or _("The platform's operator")),
        (_("Asked for at"), asking.at.astimezone(speech.zone).replace(microsecond=0, tzinfo=None)),
        (_("Time zone"), speech.zone.key),
    ]


def _narrowed(session: Session, speech: Speech, asked: Asked) -> list[Fact]:
    """What it was narrowed to, by the columns."""
    within = None if asked.scope.group_ids is None else list(asked.scope.group_ids)
    given = {"tenant_id": asked.scope.tenant_id, "within": within}
    values: dict[Column, str | int | None] = {
        Column.NUMBER: asked.remote,
        Column.DIRECTION: asked.direction and directions(speech)[asked.direction],
        Column.STATUS: asked.status and asked.status.value,
        Column.PARTS: asked.parts,
    }
    if asked.group_id is not None:
        values[Column.GROUP] = session.execute(_NAME, {**given, "id": asked.group_id}).scalar() or "–"
    if asked.account_id is not None:
        values[Column.EMAIL] = session.execute(_ADDRESS, {**given, "id": asked.account_id}).scalar() or "–"
    _ = speech.gettext
    only = ((heading, values.get(column)) for column, heading in HEADINGS.items())
    return [(_("Only: %(column)s", column=_(heading)), value) for heading, value in only if value is not None]


def _order(speech: Speech, asked: Asked) -> str:
    _ = speech.gettext
    way = _("descending") if asked.descending else _("ascending")
    return f"{_(HEADINGS[asked.sort])}, {way}"
