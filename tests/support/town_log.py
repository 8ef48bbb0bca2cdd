"""Messages that were sent and received before, as they would stand in the log by now; a municipality with some; and what the log's pages say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from webtest import TestResponse

from messa_platform.core.bulk import copy_rows
from messa_platform.core.clock import STOCKHOLM
from messa_platform.core.ids import new_id_at
from messa_platform.core.segments import Encoding
from messa_platform.messaging.log.asked import Column
from messa_platform.messaging.models import Door
from messa_platform.messaging.partitions import ensure_partitions
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import EVENT, MESSAGE
from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from tests.support.portal import seen
from tests.support.town import Desk, Town, build_town
from tests.support.world import World


@dataclass(frozen=True)
class Said:
    """An event: so long after the message, this status, with the provider's code; `changed` False: it moved nothing."""

    after: timedelta
    status: Status
    code: str = ""
    changed: bool = True


@dataclass(frozen=True)
class Entry:
    """A message of an account in a group. `rule` is the group whose rule stopped it."""

    group: Group
    account_id: UUID
    at: datetime
    remote: str = "+46701740605"
    status: Status = Status.DELIVERED
    parts: int = 1
    rule: Group | None = None
    channel_id: UUID | None = None
    local: str = "Kommunen"
    text: str = "Hemlig text"
    events: tuple[Said, ...] = ()
    id: UUID = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", new_id_at(self.at))

    @property
    def is_incoming(self) -> bool:
        return self.status is Status.INCOMING

    @property
    def charged(self) -> int:
        """*Antal*."""
        return 0 if self.status in _REFUSED else self.parts


_REFUSED = frozenset(Status) - {
    Status.SCHEDULED, Status.QUEUED, Status.UNCONFIRMED, Status.SENT, Status.BUFFERED, Status.DELIVERED, Status.UNDELIVERED,
}  # fmt: skip


def write_down(world: World, entries: Iterable[Entry]) -> list[UUID]:
    """Store messages with their events; gives their ids."""
    listed = list(entries)
    if not listed:
        return []
    events = [_event(e, s) for e in listed for s in (e.events or (Said(timedelta(), e.status),))]
    with world.database.unit_of_work() as session:
        times = [e.at for e in listed]
        ensure_partitions(session.connection(), min(times), max(*times, world.clock.now()))
        copy_rows(session, MESSAGE, [_message(e) for e in listed])
        copy_rows(session, EVENT, events)
    return [e.id for e in listed]


def _message(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "tenant_id": entry.group.tenant_id,
        "group_id": entry.group.id,
        "account_id": entry.account_id,
        "thread_id": None,
        "direction": Direction.IN if entry.is_incoming else Direction.OUT,
        "door": Door.PROVIDER if entry.is_incoming else Door.MAIL,
        "status": entry.status,
        "status_at": entry.at,
        "rule_group_id": entry.rule.id if entry.rule else None,
        "remote": entry.remote,
        "local": entry.local,
        "text": entry.text,
        "encoding": Encoding.GSM,
        "parts": entry.charged,
        "channel_id": entry.channel_id,
        "created_at": entry.at,
    }


def _event(entry: Entry, said: Said) -> dict[str, object]:
    return {
        "id": new_id_at(entry.at + said.after),
        "message_id": entry.id,
        "tenant_id": entry.group.tenant_id,
        "status": said.status,
        "changed": said.changed,
        "code": said.code,
        "at": entry.at + said.after,
    }


ANNA, BO = "+46701740605", "+4618681605"
TEACHER, OFFICE, NURSE = "larare@kommun.example", "expedition@kommun.example", "natt@kommun.example"
MASTER_LOG, SCHOOL_LOG, CLASS_LOG = (f"/t/kommun{way}/@@logs" for way in ("", "/skolan", "/skolan/klass-4b"))


@dataclass
class Book:
    """The municipality with its log: a teacher writes from the class, an office from the school, a nurse from the care."""

    world: World
    town: Town
    teacher: UUID
    office: UUID
    nurse: UUID

    def ago(self, days: int, hour: int = 9, minute: int = 0) -> datetime:
        """A time of day, so many days ago, by Stockholm's clock."""
        today = self.world.clock.now().astimezone(STOCKHOLM)
        at = today.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return at - timedelta(days=days)

    def day(self, days: int) -> str:
        """That day as it stands in an address."""
        return f"{self.ago(days):%Y-%m-%d}"

    def write(self, *entries: Entry) -> list[UUID]:
        return write_down(self.world, entries)

    def a_week(self) -> list[UUID]:
        """A message a day, the newest first."""
        town = self.town
        return self.write(
            Entry(town.class_4b, self.teacher, self.ago(1), ANNA, parts=2),
            Entry(town.class_4b, self.teacher, self.ago(2), BO, Status.UNDELIVERED),
            Entry(town.school, self.office, self.ago(3), ANNA, Status.INCOMING),
            Entry(town.school, self.office, self.ago(4), ANNA, Status.USED_UP_GROUP, rule=town.school),
            Entry(town.care, self.nurse, self.ago(5), BO),
            Entry(town.master, town.chief_id, self.ago(6), ANNA, Status.ALREADY_SENT),
        )


def a_book(world: World, runtime: Runtime) -> Book:
    """The municipality with nothing in its log yet."""
    town = build_town(world, runtime)
    people = (
        town.person(group, address)
        for group, address in ((town.class_4b, TEACHER), (town.school, OFFICE), (town.care, NURSE))
    )
    return Book(world, town, *people)


# What the page says


def rows(page: TestResponse) -> list[list[str]]:
    """The cells of the table."""
    found = page.html.select(".log tbody tr")
    return [[" ".join(cell.get_text().split()) for cell in row.find_all("td")] for row in found]


def column(page: TestResponse, name: Column) -> list[str]:
    """The cells of a column."""
    return [row[list(Column).index(name)] for row in rows(page)]


def days(page: TestResponse) -> list[str]:
    """The days of the messages, which tell those of `Book.a_week` apart."""
    return [moment[:10] for moment in column(page, Column.DATE)]


def link(page: TestResponse, words: str) -> str:
    """Where the link of these words leads."""
    found = [a["href"] for a in page.html.select("#main a") if " ".join(a.get_text(" ").split()) == words]
    assert found, f"no link {words!r}: {seen(page)[:2000]}"
    return str(found[0])


def options(page: TestResponse, name: str) -> list[str]:
    """What a list offers."""
    return [" ".join(option.get_text().split()) for option in page.html.select(f"#{name} option")]


def sorted_by(page: TestResponse) -> dict[str, str]:
    """Which heading is sorted by, and how."""
    return {th.get_text(): th["aria-sort"] for th in page.html.select("th[aria-sort]")}


def typed(desk: Desk, log: str = MASTER_LOG, /, **query: str) -> list[str]:
    """What is offered while something is written."""
    choices = desk.get(f"{log}-choices?{urlencode(query)}").json["choices"]
    return [value for value, _ in choices]


def the_same_log(page: str, link: str) -> bool:
    """Whether a page of the log that was narrowed or sorted leads on to one, narrowed and sorted further: there is no end to those."""
    return "@@logs?" in page and "@@logs?" in link


def of_its_kind(path: str) -> str:
    """A path without what a search of the log is sorted by and so on: only that it is."""
    place, _, query = path.partition("@@logs?")
    return f"{place}@@logs?{sorted(dict(parse_qsl(query)))}" if query else path
