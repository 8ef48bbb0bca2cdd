"""Quotas while many send through every door at once, over a Stockholm midnight: never over, never stuck, and all that is booked was sent
(spec G6, G7).
"""

from __future__ import annotations

import random
import smtplib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import STOCKHOLM, FixedClock, start_of_stockholm_day, stockholm_day
from messa_platform.core.work import Claim
from messa_platform.mail.committer import Committer
from messa_platform.mail.gatekeeper import Gatekeeper
from messa_platform.mail.server import Handler, SmtpServer
from messa_platform.mail.settings import SmtpSettings
from messa_platform.messaging.statuses import Status
from messa_platform.providers.base import Accepted, Rejected
from messa_platform.runtime import Runtime
from messa_platform.tenants.quota import Granted
from tests.support.network import QUEUE, Network, reference
from tests.support.platform import mail
from tests.support.processes import HOST
from tests.support.visitors import PASSWORD, Visitor, a_runtime, signed_in, token_of
from tests.support.world import World

SENDERS, TEXTS = 16, 6
"""Half of the senders write mails, half in the portal; four people do both at once."""
STUCK = 120.0
"""Seconds after which somebody hangs; a round takes about ten."""

BEFORE = timedelta(seconds=10)
"""How long before midnight it begins; so much after midnight it ends. Far less than a lease of the queues, which would be lost at one bound."""

ROUNDS = [
    (1, "2026-11-18"),
    (2, "2026-10-24"),  # after this midnight the clocks go back
    (3, "2026-03-28"),  # and after this one forward
    (4, "2026-12-31"),
]


@dataclass(frozen=True)
class Limit:
    """A limit of a group with all below it, or of each of its accounts: so many parts in so many days."""

    sms: int
    days: int


MASTER, SCHOOLS, SCHOOL = Limit(40, 1), Limit(45, 7), Limit(30, 30)
EACH = Limit(6, 7)


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process, with the test's clock."""
    with a_runtime(database_url, tmp_path / "key", clock) as made:
        yield made


class Race:
    """An organisation three levels deep, its people, and the doors by which they send."""

    def __init__(self, world: World, runtime: Runtime, seed: int) -> None:
        self.world, self.runtime = world, runtime
        self.chance = random.Random(seed)
        self.network = Network(world)
        master = world.tenant()
        schools = world.group(master, "Skolor")
        school, care = world.group(schools, "Ekskolan"), world.group(master, "Omsorgen")
        self.limits = {master.id: MASTER, schools.id: SCHOOLS, school.id: SCHOOL}
        for group, limit in ((master, MASTER), (schools, SCHOOLS), (school, SCHOOL)):
            world.group_quota(group, limit.sms, limit.days)
        world.account_quota(schools, EACH.sms, EACH.days)
        # most of them where every limit counts
        homes = [school, world.group(school, "4B"), school, world.group(schools, "Alskolan"), school, care]
        password = runtime.passwords.hash(PASSWORD)
        self.ways: dict[UUID, list[UUID]] = {}
        self.addresses: list[str] = []
        for index in range(SENDERS - 4):
            home = homes[index % len(homes)]
            address = f"person{index}@kommun.example"
            account = world.account(home, address, language="en", password_hash=password)
            self.ways[account] = [UUID(label) for label in str(home.path).split(".")]
            self.addresses.append(address)
        self.handled = 0

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def texts(self) -> Iterator[tuple[str, list[str]]]:
        """What one sender writes: texts of one to three parts, each to numbers of its own."""
        for _ in range(TEXTS):
            numbers = [
                f"+46701{self.chance.randrange(10**6):06d}" for _ in range(self.chance.choice([1, 1, 2]))
            ]
            yield f"Kom {self.chance.random()} " + "i tid " * self.chance.choice([1, 40, 60]), numbers

    def mails(self, address: str, port: int) -> Callable[[], int]:
        """A sender by SMTP; tells how many mails were taken."""
        texts = list(self.texts())

        def send() -> int:
            with smtplib.SMTP(HOST, port, timeout=60) as smtp:
                for text, numbers in texts:
                    message = mail(text, subject="", sender=address)
                    assert not smtp.sendmail(address, [f"{n}@messa.example" for n in numbers], bytes(message))
                    self.handled += 1
            return len(texts)

        return send

    def posts(self, visitor: Visitor) -> Callable[[], int]:
        """A sender in the portal; tells how many texts were taken."""
        texts = list(self.texts())

        def send() -> int:
            taken = 0
            for text, numbers in texts:
                # who has nothing left is shown no form, and hands it in all the same
                hidden = {"csrf_token": token_of(visitor.get("/messages/new")), "nonce": text}
                fields = {**hidden, "to": numbers[0], "text": text}
                answer = visitor.post("/messages/new", fields)
                assert answer.status_int in (303, 422), answer.text[:1000]
                taken += answer.status_int == 303
                self.handled += 1
            return taken

        return send

    def settle(self, is_over: threading.Event) -> None:
        """A worker at the other end of the channel, which refuses every fifth number for good."""
        while not is_over.wait(0.01):
            self.settle_once()

    def settle_once(self) -> None:
        with self.world.database.unit_of_work() as session:
            claims = QUEUE.claim(session, self.now, 50)
        with self.world.database.unit_of_work() as session:
            answers = [(claim, _answer(claim)) for claim in claims]
            self.network.outcomes.write(session, self.now, self.network.channel_id, answers)

    def read(self, is_over: threading.Event) -> None:
        """A worker that reads the mails."""
        while not is_over.wait(0.01):
            self.runtime.intake.run()

    def roll_over(self, is_over: threading.Event) -> None:
        """It becomes midnight when half of the texts were handed in."""
        while self.handled < SENDERS * TEXTS // 2:
            assert not is_over.wait(0.001)
        self.world.clock.move(2 * BEFORE)


def _answer(claim: Claim) -> Accepted | Rejected:
    if claim.row.remote.endswith(("4", "9")):
        return Rejected(permanent=True, code="barred")
    return Accepted(reference(claim.id))


@pytest.fixture
def smtp_port(runtime: Runtime) -> Iterator[int]:
    """The mail door, open."""
    settings = SmtpSettings(port=0)
    with ExitStack() as stack:
        committer = stack.enter_context(closing(Committer(runtime.database.engine, lambda: None)))
        gatekeeper = Gatekeeper(runtime.database, "messa.example", (ip_network("127.0.0.0/8"),))
        handler = Handler(gatekeeper, committer, runtime.clock, settings)
        server = stack.enter_context(closing(SmtpServer(handler, settings, "messa.example")))
        server.start()
        yield server.address[1]


@pytest.mark.parametrize(("seed", "day"), ROUNDS, ids=[day for _, day in ROUNDS])
def test_senders_by_mail_and_portal_race_over_midnight_and_no_limit_is_overspent(
    world: World, runtime: Runtime, smtp_port: int, seed: int, day: str
) -> None:
    world.clock.at = datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=STOCKHOLM) - timedelta(days=2)
    race = Race(world, runtime, seed)
    world.clock.at = start_of_stockholm_day(stockholm_day(world.clock.at) + timedelta(days=3)) - BEFORE
    half = SENDERS // 2
    by_mail = [race.mails(address, smtp_port) for address in race.addresses[:half]]
    in_portal = [race.posts(signed_in(runtime, address)) for address in race.addresses[-half:]]
    mailed, posted = run(race, by_mail, in_portal)

    assert (
        mailed == half * TEXTS == world.value("SELECT count(*) FROM inbound_mail WHERE outcome = 'submitted'")
    )
    # nothing was tried again, as it is after a deadlock
    assert world.value("SELECT max(attempts) FROM inbound_mail") == 1
    messages = world.rows("SELECT account_id, door, status, parts, created_at FROM message")
    assert posted == sum(m.door == "portal" for m in messages)
    assert_a_race(messages)
    assert_nothing_overspent(race, messages)
    assert_booked(race, messages)
    assert_all_may_send_a_month_later(race)


def run(race: Race, by_mail: list[Callable[[], int]], in_portal: list[Callable[[], int]]) -> tuple[int, int]:
    """Let all of them send at once, and the workers work until nothing is left to do; gives how many mails and posts were taken."""
    is_over = threading.Event()
    workers = (race.read, race.read, race.settle, race.settle, race.roll_over)
    with ThreadPoolExecutor(SENDERS + len(workers)) as threads:
        try:
            at_work = [threads.submit(worker, is_over) for worker in workers]
            mailed = [threads.submit(send) for send in by_mail]
            posted = [threads.submit(send) for send in in_portal]
            taken = sum(f.result(STUCK) for f in mailed), sum(f.result(STUCK) for f in posted)
            at_work.pop().result(STUCK)
        finally:
            is_over.set()
        for worker in at_work:
            worker.result(STUCK)
    while race.runtime.intake.run():
        pass
    race.settle_once()
    return taken


def assert_a_race(messages: list[Any]) -> None:
    """What is looked at has happened: both doors, both days, every kind of limit, and texts that did not go after all."""
    went = [m for m in messages if m.parts]
    assert {m.door for m in went} == {"mail", "portal"}
    assert len({stockholm_day(m.created_at) for m in went}) == 2
    words = Counter(m.status for m in messages)
    assert {Status.UNSENT, Status.SENT, Status.USED_UP_PERSONAL, Status.USED_UP_GROUP} <= words.keys(), words


def assert_nothing_overspent(race: Race, messages: list[Any]) -> None:
    """Counted anew: in no window that ends on any day has any group or account sent more than it may."""
    days = {stockholm_day(m.created_at) for m in messages}
    for scope, limit in limits(race):
        sent = [
            (stockholm_day(m.created_at), m.parts)
            for m in messages
            if scope in race.ways[m.account_id] or scope == m.account_id
        ]
        for day in days:
            in_window = sum(parts for at, parts in sent if 0 <= (day - at).days < limit.days)
            assert in_window <= limit.sms, f"{in_window} of {limit} by {day}"


def limits(race: Race) -> Iterator[tuple[UUID, Limit]]:
    """Every limit, by the group or the account whose parts it counts."""
    yield from race.limits.items()
    schools = list(race.limits)[1]
    yield from ((account, EACH) for account, way in race.ways.items() if schools in way)


def assert_booked(race: Race, messages: list[Any]) -> None:
    """What is booked on each group and account, day by day, is what went; what ended as UNSENT was given back."""
    went: Counter[tuple[UUID, datetime]] = Counter()
    for message in messages:
        midnight = start_of_stockholm_day(stockholm_day(message.created_at))
        for scope in (message.account_id, *race.ways[message.account_id]):
            went[scope, midnight] += message.parts
    rows = race.world.rows("SELECT scope_id, bucket, parts FROM quota_usage")
    assert {(row.scope_id, row.bucket): row.parts for row in rows if row.parts} == +went


def assert_all_may_send_a_month_later(race: Race) -> None:
    """No window holds anything back for ever."""
    race.world.clock.move(timedelta(days=31))
    for account in race.ways:
        assert isinstance(race.world.reserve(account, 1)[0], Granted)
