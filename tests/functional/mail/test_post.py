"""The mails that messa writes on their way out: kept, tried again, never changed by what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text

from messa_platform.core import post
from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.post import Mail, Post, Relay, RelaySettings
from tests.support.processes import HOST, free_port


@dataclass
class Relayed:
    """A mail that a relay took."""

    envelope_sender: str
    recipient: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class Sink:
    """A relay that keeps what it takes; `refuse` gives another answer to RCPT or DATA."""

    port: int = field(default_factory=free_port)
    taken: list[Relayed] = field(default_factory=list)
    connections: int = 0
    refuse: Callable[[str, str], str | None] = lambda _command, _recipient: None

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.refuse("RCPT", address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (recipient,) = envelope.rcpt_tos
        if refusal := self.refuse("DATA", recipient):
            if refusal == "hang up":
                assert server.transport is not None
                server.transport.close()
            return refusal
        self.taken.append(
            Relayed(str(envelope.mail_from), str(recipient), bytes(envelope.original_content or b""))
        )
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    controller = Controller(
        made, hostname=HOST, port=made.port, enable_SMTPUTF8=True, server_hostname="relay.test"
    )
    controller.start()
    yield made
    controller.stop()


@dataclass
class Office:
    """Queues mails and delivers what is due."""

    database: Database
    clock: FixedClock
    port: int
    woken: list[str] = field(default_factory=list)

    def put(self, *mails: Mail) -> None:
        desk = Post("messa.example", lambda session, actor: self.woken.append(actor))
        with self.database.unit_of_work() as session:
            desk.put(session, self.clock.now(), mails)

    def deliver(self) -> None:
        post.deliver(self.database, self.clock, Relay(RelaySettings(host=HOST, port=self.port, timeout=5)))

    def rows(self) -> list[Any]:
        with self.database.unit_of_work() as session:
            return list(session.execute(text("SELECT * FROM outgoing_mail ORDER BY id")))

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]


@pytest.fixture
def office(database: Database, clock: FixedClock, sink: Sink) -> Office:
    return Office(database, clock, sink.port)


def letter(key: str = "test:1", recipient: str = "anna@kommun.example", **values: Any) -> Mail:
    usual = Mail(
        key,
        "+46701740605@messa.example",
        "Görans jobbmobil",
        recipient,
        "Sms från Göran",
        "Jag kommer på mötet. /Åsa\n",
    )
    return replace(usual, **values)


def test_a_mail_arrives_whole(office: Office, sink: Sink, clock: FixedClock) -> None:
    office.put(letter(headers={"In-Reply-To": "<fraga.1@kommun.example>"}))
    office.deliver()
    (taken,) = sink.taken
    message = taken.message
    assert (taken.envelope_sender, taken.recipient) == ("<>", "anna@kommun.example")
    assert message["From"] == "Görans jobbmobil <+46701740605@messa.example>"
    assert message["To"] == "anna@kommun.example"
    assert message["Subject"] == "Sms från Göran"
    assert message["In-Reply-To"] == "<fraga.1@kommun.example>"
    assert message["Date"].datetime == clock.now()
    assert message["Message-ID"].endswith("@messa.example>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Loop"] == "messa.example"
    assert message.get_content().rstrip() == "Jag kommer på mötet. /Åsa"
    assert taken.raw.isascii()
    (row,) = office.rows()
    assert (row.state, row.sent_at, row.last_error) == ("done", clock.now(), None)
    assert row.text == "", "a sent mail's text, with the secret of its link, is kept"
    assert office.woken == [post.POST_ACTOR]


def test_many_mails_go_over_one_connection_and_each_is_one(office: Office, sink: Sink) -> None:
    office.put(*[letter(f"test:{i}", f"p{i}@kommun.example") for i in range(40)])
    office.deliver()
    assert sorted(taken.recipient for taken in sink.taken) == sorted(
        f"p{i}@kommun.example" for i in range(40)
    )
    assert sink.connections == 1
    assert set(office.states()) == {"done"}
    office.deliver()
    assert len(sink.taken) == 40


def test_a_second_mail_for_the_same_reason_is_not_written(office: Office, sink: Sink) -> None:
    office.put(letter(), letter(text="i samma andetag"))
    office.put(letter(text="senare"), letter("test:2"))
    office.deliver()
    assert [row.key for row in office.rows()] == ["test:1", "test:2"]
    assert ["Jag kommer" in taken.message.get_content() for taken in sink.taken] == [True, True]


def test_nothing_to_write_touches_nothing(office: Office) -> None:
    office.put()
    assert office.rows() == []
    assert office.woken == []


def test_a_relay_that_is_down_is_tried_again_after_growing_pauses(
    database: Database, clock: FixedClock, sink: Sink
) -> None:
    begun = clock.now()
    office = Office(database, clock, free_port())
    office.put(letter())
    waited = []
    for attempt in (1, 2, 3):
        office.deliver()
        (row,) = office.rows()
        assert (row.state, row.attempts, row.last_error) == ("ready", attempt, "ConnectionRefusedError")
        waited.append((row.next_attempt_at - clock.now()).total_seconds())
        office.deliver()  # too early
        clock.at = row.next_attempt_at
    assert waited == sorted(waited)
    assert len(set(waited)) == 3
    office.port = sink.port
    office.deliver()
    assert office.states() == ["done"]
    (taken,) = sink.taken
    assert taken.message["Date"].datetime == begun


def test_after_some_two_days_in_vain_it_is_parked(database: Database, clock: FixedClock) -> None:
    begun = clock.now()
    office = Office(database, clock, free_port())
    office.put(letter())
    while office.states() == ["ready"]:
        office.deliver()
        clock.at = max(clock.at, office.rows()[0].next_attempt_at)
    assert office.states() == ["parked"]
    assert timedelta(days=1.5) < clock.now() - begun < timedelta(days=3)


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_refusal_for_good_parks_that_mail_and_no_other(office: Office, sink: Sink, command: str) -> None:
    sink.refuse = lambda at, to: "550 5.1.1 Unknown" if (at, to) == (command, "p1@kommun.example") else None
    office.put(*[letter(f"test:{i}", f"p{i}@kommun.example") for i in range(3)])
    office.deliver()
    assert office.states() == ["done", "parked", "done"]
    assert [taken.recipient for taken in sink.taken] == ["p0@kommun.example", "p2@kommun.example"]
    assert sink.connections == 1


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_refusal_for_now_is_tried_again(
    office: Office, sink: Sink, clock: FixedClock, command: str
) -> None:
    sink.refuse = lambda at, _to: "451 4.7.1 Greylisted" if at == command else None
    office.put(letter())
    office.deliver()
    assert office.states() == ["ready"]
    sink.refuse = lambda _at, _to: None
    clock.move(timedelta(minutes=1))
    office.deliver()
    assert office.states() == ["done"]


def test_a_connection_that_breaks_costs_only_what_was_not_sent(
    office: Office, sink: Sink, clock: FixedClock
) -> None:
    sink.refuse = lambda at, to: "hang up" if (at, to) == ("DATA", "p2@kommun.example") else None
    office.put(*[letter(f"test:{i}", f"p{i}@kommun.example") for i in range(4)])
    office.deliver()
    assert office.states() == ["done", "done", "ready", "ready"]
    sink.refuse = lambda _at, _to: None
    clock.move(timedelta(minutes=1))
    office.deliver()
    assert sorted(taken.recipient for taken in sink.taken) == [f"p{i}@kommun.example" for i in range(4)]


def test_a_mail_whose_deliverer_died_goes_out_again_with_the_same_id(
    office: Office, sink: Sink, clock: FixedClock
) -> None:
    office.put(letter())
    with office.database.unit_of_work() as session:
        (claim,) = post.QUEUE.claim(session, clock.now(), 10)
        headers = claim.row.headers
    office.deliver()
    assert sink.taken == []
    clock.move(post.QUEUE.lease)
    office.deliver()
    assert sink.taken[0].message["Message-ID"] == headers["Message-ID"]


# the last two only begin a line once a reader, or a library on its way out, has decoded them
BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\r\n\r\n",
    "=?utf-8?q?=0D=0A?= ",
    "=?utf-8?b?Cg==?= ",
]


@pytest.mark.parametrize("line_break", BREAKS)
def test_what_somebody_wrote_never_begins_a_header_or_the_body(
    office: Office, sink: Sink, line_break: str
) -> None:
    evil = f"Hej{line_break}Bcc: alla@kommun.example{line_break}X-Evil: ja"
    office.put(
        letter("test:1", sender_name=evil),
        letter("test:2", subject=evil),
        letter("test:3", headers={"In-Reply-To": f"<a@b>{line_break}X-Evil: ja"}),
        letter("test:4", recipient=f"anna@kommun.example{line_break}X-Evil: ja"),
    )
    written = office.rows()
    office.deliver()
    for row in written:
        again = message_from_bytes(post.compose(row), policy=default)
        assert "X-Evil" not in again
        assert "Bcc" not in again
        assert [name for name in again if again.keys().count(name) > 1] == []
        assert "Jag kommer" in again.get_content()
    assert [row.state for row in office.rows()[:3]] == ["done"] * 3
    assert sink.taken[:3] == [one for one in sink.taken if one.recipient == "anna@kommun.example"][:3]
    assert all(b"\r\nX-Evil" not in taken.raw and b"\r\nBcc" not in taken.raw for taken in sink.taken)


@pytest.mark.parametrize(
    "name",
    [
        'Anna "Ann" <x@y.example>',
        "Anna, chef",
        "a@b.example",
        "",
        "名前",
        "Anna, " * 40 + "Ann",
        "=?utf-8?q?Hej?=",
    ],
)
def test_a_display_name_is_shown_as_it_is_and_adds_no_address(office: Office, sink: Sink, name: str) -> None:
    office.put(letter(sender_name=name))
    office.deliver()
    (address,) = sink.taken[0].message["From"].addresses
    assert address.addr_spec == "+46701740605@messa.example"
    assert address.display_name == name


@pytest.mark.parametrize(
    "address", ["a..b@kommun.example", "a.@kommun.example", '"anna a"@kommun.example', "o'b+c@kommun.example"]
)
def test_an_odd_address_gets_its_mail(office: Office, sink: Sink, address: str) -> None:
    office.put(letter(recipient=address))
    office.deliver()
    assert [taken.recipient for taken in sink.taken] == [address]


def test_an_address_in_utf8_gets_its_mail_where_the_relay_knows_utf8(office: Office, sink: Sink) -> None:
    office.put(letter(recipient="göran@kommun.example"))
    office.deliver()
    (taken,) = sink.taken
    assert taken.recipient == "göran@kommun.example"
    assert "To: göran@kommun.example".encode() in taken.raw


def test_an_address_in_utf8_is_parked_where_the_relay_does_not(database: Database, clock: FixedClock) -> None:
    sink = Sink()
    controller = Controller(
        sink, hostname=HOST, port=sink.port, enable_SMTPUTF8=False, server_hostname="relay.test"
    )
    controller.start()
    try:
        office = Office(database, clock, sink.port)
        office.put(letter(recipient="göran@kommun.example"), letter("test:2"))
        office.deliver()
    finally:
        controller.stop()
    assert {row.recipient: (row.state, row.last_error) for row in office.rows()} == {
        "göran@kommun.example": ("parked", "SMTPNotSupportedError"),
        "anna@kommun.example": ("done", None),
    }


@pytest.mark.parametrize(
    "content",
    [
        "x" * 5000 + "\n",
        ".\n..\n.punkt\n",
        "From här\n",
        "emoji 🎉 " * 200 + "\n",
        "\n\ntomt\n",
        "blank i slutet   \n",
    ],
)
def test_a_text_arrives_as_it_was_written(office: Office, sink: Sink, content: str) -> None:
    office.put(letter(text=content))
    office.deliver()
    (taken,) = sink.taken
    assert taken.message.get_content().replace("\r\n", "\n") == content
    assert max(map(len, taken.raw.split(b"\r\n"))) <= 998


def test_two_deliverers_share_the_work(office: Office, sink: Sink, clock: FixedClock) -> None:
    office.put(*[letter(f"test:{i}", f"p{i}@kommun.example") for i in range(20)])
    with office.database.unit_of_work() as first, office.database.unit_of_work() as second:
        one = post.QUEUE.claim(first, clock.now(), 10)
        other = post.QUEUE.claim(second, clock.now(), 50)
    taken: list[UUID] = [claim.id for claim in one + other]
    assert len(one) == len(other) == 10
    assert len(set(taken)) == 20
