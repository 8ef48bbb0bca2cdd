"""Sendings to many: put together, looked at, confirmed, and worked off without anybody being missed or getting it twice (spec P2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.messaging import feed, sending_work, sendings
from messa_platform.messaging.lists import LineFault, Listed, parse
from messa_platform.messaging.recipients import Fault
from messa_platform.messaging.sending_rows import (
    NotPrepared,
    Reason,
    Row,
    RowFault,
    fill,
    placeholders,
    rows_of_list,
    rows_of_pasted,
    rows_of_sheet,
)
from messa_platform.messaging.sending_work import CHUNK, QUEUE, work_off_sendings
from messa_platform.messaging.sendings import MOST, BadRow, Confirmation, Outcome, Preview, Progress
from messa_platform.messaging.sheets import Sheet, read_sheet
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.observe import statements, together
from tests.support.world import Heard, World

ANNAS, BOS = "+46701740605", "+46701740606"
SHEET = """Elev;Mobil;Tid
Alva;070-174 06 05;14:00
Bo;0701740606;14:30
Cia;070;15:00
Dag;;15:30
"""
INVITATION = "Hej! Samtal om {elev} klockan {Tid}."


@pytest.fixture
def master(world: World, network: Network) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    """An account in Master, on a platform that has a channel."""
    return world.account(master, "anna@kommun.example")


def phone(i: int) -> str:
    return f"+467017{i:05}"


def many(count: int, **fields: str) -> list[Row]:
    return [Row(i + 1, phone(i), fields) for i in range(count)]


def from_sheet(written: str = SHEET) -> list[Row]:
    sheet = read_sheet("klass.csv", written.encode())
    assert isinstance(sheet, Sheet)
    return rows_of_sheet(sheet, sheet.columns.index("Mobil"))


def try_to_prepare(world: World, account_id: UUID, text: str, rows: Sequence[Row]) -> UUID | NotPrepared:
    with world.database.unit_of_work() as session:
        return sendings.prepare(session, world.clock.now(), account_id, text, rows)


def prepared(world: World, account_id: UUID, text: str, rows: Sequence[Row]) -> UUID:
    made = try_to_prepare(world, account_id, text, rows)
    assert isinstance(made, UUID), made
    return made


def looked_at(world: World, account_id: UUID, sending_id: UUID, **values: Any) -> Preview:
    with world.database.unit_of_work() as session:
        seen = sendings.preview(session, world.clock, account_id, sending_id, **values)
    assert seen is not None
    return seen


def confirm(
    world: World, account_id: UUID, sending_id: UUID, guard: bool = True, **values: Any
) -> Confirmation:
    with world.database.unit_of_work() as session:
        now = world.clock.now()
        return sendings.confirm(session, now, account_id, sending_id, guard=guard, **values)


def confirmed(world: World, account_id: UUID, text: str, rows: Sequence[Row], **values: Any) -> UUID:
    sending_id = prepared(world, account_id, text, rows)
    assert confirm(world, account_id, sending_id, **values) is Confirmation.NOW
    return sending_id


def work(world: World) -> bool:
    return work_off_sendings(world.database, world.clock, world.heard)


def progress(world: World, account_id: UUID, sending_id: UUID) -> Progress:
    with world.database.unit_of_work() as session:
        found = sendings.progress(session, account_id, sending_id)
    assert found is not None
    return found


def outcomes(world: World, account_id: UUID, sending_id: UUID, **values: Any) -> list[Outcome]:
    with world.database.unit_of_work() as session:
        return sendings.outcomes(session, account_id, sending_id, most=10_000, **values)


def told(world: World, account_id: UUID, sending_id: UUID) -> list[tuple[str, str]]:
    return [(o.recipient, o.word) for o in outcomes(world, account_id, sending_id)]


def sent(world: World) -> list[tuple[str, str]]:
    """Numbers and texts of what waits to leave, in order."""
    return [(r.remote, r.text) for r in world.rows("SELECT remote, text FROM dispatch_queue ORDER BY id")]


# Placeholders


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("Hej {namn}", "Hej Åsa"),
        ("Hej {NAMN}, {  Namn }!", "Hej Åsa, Åsa!"),
        ("{namn}{tid}", "Åsa14:00"),
        ("Skriv {{namn}}", "Skriv {namn}"),
        ("{{{namn}}}", "{Åsa}"),
        ("Nej :{ eller { }", "Nej :{ eller { }"),
        ("Ja }: {namn", "Ja }: {namn"),
        ("{ej\nnamn}", "{ej\nnamn}"),
        ("{tom}.", "."),
        ("{vårdnadshavares mobil}", "0701740605"),
    ],
)
def test_placeholders_are_filled_in_whatever_their_case(template: str, filled: str) -> None:
    fields = {"Namn": "Åsa", "TID": "14:00", "tom": "", "Vårdnadshavares mobil": "0701740605"}
    assert fill(template, fields) == filled


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert fill("{a}{b}", {"a": "{b}", "b": "{a}"}) == "{b}{a}"
    assert placeholders("{a} {{b}} {C d} { }") == ["a", "C d"]


# Putting together


def test_rows_come_from_what_is_pasted_with_what_is_wrong_with_them() -> None:
    parsed = parse("0701740605 Anna\nÅsa\n0701740606, 0701740605\n0701740605 0701740607", "46")
    assert rows_of_pasted(parsed) == [
        Row(1, ANNAS),
        Row(2, "Åsa", {}, Fault.NOT_A_NUMBER),
        Row(3, BOS),
        Row(3, ANNAS),
        Row(4, "0701740605 0701740607", {}, LineFault.SEVERAL_NUMBERS),
    ]


def test_rows_come_from_a_saved_list_in_its_order() -> None:
    assert rows_of_list([Listed(BOS, "Bo"), Listed(ANNAS)]) == [Row(1, BOS), Row(2, ANNAS)]


def test_a_sending_is_kept_until_it_is_confirmed_and_sends_nothing(world: World, anna: UUID) -> None:
    sending_id = prepared(world, anna, INVITATION, from_sheet())
    work(world)
    kept = progress(world, anna, sending_id)
    assert (kept.text, kept.total, kept.done, kept.accepted) == (INVITATION, 4, 0, 0)
    assert (kept.created_at, kept.confirmed_at, kept.finished_at) == (world.clock.now(), None, None)
    assert world.value("SELECT count(*) FROM message") == 0


@pytest.mark.parametrize(
    ("text", "rows", "fault"),
    [
        ("  \n ", [Row(1, ANNAS)], NotPrepared(Reason.EMPTY_TEXT)),
        ("\u200b\ufeff", [Row(1, ANNAS)], NotPrepared(Reason.EMPTY_TEXT)),
        ("Hej", [], NotPrepared(Reason.NO_RECIPIENTS)),
        ("Hej", [Row(1, "070"), Row(2, "")], NotPrepared(Reason.NO_RECIPIENTS)),
        ("{namn}", [Row(1, ANNAS, {"Namn": " "})], NotPrepared(Reason.NO_RECIPIENTS)),
        ("Hej", many(MOST + 1), NotPrepared(Reason.TOO_MANY)),
        ("Hej {namn}", [Row(1, ANNAS)], NotPrepared(Reason.UNKNOWN_FIELD, "namn")),
        (
            "Hej {Elevens namn} {tid}",
            [Row(1, ANNAS, {"Elev": "Alva", "Tid": "14:00"})],
            NotPrepared(Reason.UNKNOWN_FIELD, "Elevens namn", ("Elev", "Tid")),
        ),
    ],
)
def test_what_cannot_be_sent_is_not_put_together_and_says_why(
    world: World, anna: UUID, text: str, rows: Sequence[Row], fault: NotPrepared
) -> None:
    assert try_to_prepare(world, anna, text, rows) == fault
    assert world.value("SELECT count(*) FROM sending") == 0


@pytest.mark.parametrize("hinder", ["blocked = true", "removed_at = now()"])
def test_an_account_that_may_not_send_puts_nothing_together(world: World, anna: UUID, hinder: str) -> None:
    world.run(f"UPDATE account SET {hinder}")
    assert try_to_prepare(world, anna, "Hej", [Row(1, ANNAS)]) == NotPrepared(Reason.NOT_ALLOWED)
    assert try_to_prepare(world, new_id(), "Hej", [Row(1, ANNAS)]) == NotPrepared(Reason.NOT_ALLOWED)


def test_another_text_is_another_sending_of_the_same_rows(world: World, anna: UUID) -> None:
    rows = [Row(1, ANNAS, {"elev": "Alva"}), Row(2, ANNAS, {"elev": "Ali"}), Row(3, BOS, {"elev": ""})]
    sending_id = prepared(world, anna, "Samtal!", rows)
    assert looked_at(world, anna, sending_id).repeated == (2,)
    with world.database.unit_of_work() as session:
        assert sendings.revise(session, anna, sending_id, "{elev}") is None
    seen = looked_at(world, anna, sending_id)
    assert ([s.text for s in seen.samples], seen.repeated) == (["Alva", "Ali"], ())
    assert seen.invalid == (BadRow(3, BOS, RowFault.EMPTY_TEXT),)
    with world.database.unit_of_work() as session:
        assert sendings.revise(session, anna, sending_id, "Samtal om {elev}") is None
        unknown = NotPrepared(Reason.UNKNOWN_FIELD, "tid", ("elev",))
        assert sendings.revise(session, anna, sending_id, "{tid}") == unknown
    seen = looked_at(world, anna, sending_id)
    assert [s.text for s in seen.samples] == ["Samtal om Alva", "Samtal om Ali", "Samtal om "]
    assert (seen.invalid, seen.incomplete) == ((), (3,))


def test_nobody_changes_sees_or_discards_what_is_anothers_or_confirmed(
    world: World, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    annas = prepared(world, anna, "Hej", [Row(1, ANNAS)])
    with world.database.unit_of_work() as session:
        assert sendings.revise(session, bo, annas, "Hej då") == NotPrepared(Reason.GONE)
        assert sendings.preview(session, world.clock, bo, annas) is None
        assert sendings.progress(session, bo, annas) is None
        assert not sendings.discard(session, bo, annas)
        assert sendings.latest(session, bo) == []
    assert confirm(world, bo, annas) is Confirmation.GONE
    assert confirm(world, anna, annas) is Confirmation.NOW
    work(world)
    with world.database.unit_of_work() as session:
        assert sendings.revise(session, anna, annas, "Hej då") == NotPrepared(Reason.GONE)
        assert not sendings.discard(session, anna, annas)
        assert sendings.outcomes(session, bo, annas) == []
    assert sent(world) == [(ANNAS, "Hej")]


def test_a_discarded_sending_is_gone(world: World, anna: UUID) -> None:
    sending_id = prepared(world, anna, "Hej", [Row(1, ANNAS)])
    with world.database.unit_of_work() as session:
        assert sendings.discard(session, anna, sending_id)
        assert not sendings.discard(session, anna, sending_id)
    assert confirm(world, anna, sending_id) is Confirmation.GONE


# Looking at it


def test_the_preview_shows_the_first_texts_and_what_would_become_of_all(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.set(master, Key.SIGNATURE, "/Skolan")
    seen = looked_at(world, anna, prepared(world, anna, INVITATION, from_sheet()), show=1)
    [sample] = seen.samples
    assert (sample.line, sample.number, sample.parts, sample.word) == (2, ANNAS, 1, "QUEUED")
    assert sample.text == "Hej! Samtal om Alva klockan 14:00.\n/Skolan"
    assert (seen.text, sorted(seen.columns), seen.confirmed) == (INVITATION, ["Elev", "Mobil", "Tid"], False)
    assert (seen.recipients, seen.needed, seen.left, seen.may_send) == (2, 2, None, True)
    assert seen.invalid == (BadRow(4, "070", Fault.TOO_SHORT), BadRow(5, "", RowFault.NO_NUMBER))
    assert (seen.repeated, seen.incomplete, seen.words) == ((), (), {"QUEUED": 2})


def test_the_preview_tells_who_has_had_it_who_wants_none_and_for_whom_nothing_is_left(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    sent_at = clock.now()
    world.words(anna, [phone(0)], "Hej")
    world.run(
        "INSERT INTO opt_out (account_id, remote, tenant_id, message_id, at) VALUES (:a, :r, :t, :m, :n)",
        a=anna, r=phone(1), t=master.tenant_id, m=new_id(), n=clock.now(),
    )  # fmt: skip
    world.account_quota(master, 5)
    clock.move(timedelta(hours=1))
    sending_id = prepared(world, anna, "Hej", [*many(9), Row(10, phone(3))])
    seen = looked_at(world, anna, sending_id)
    assert seen.words == {
        "sms_already_sent_24H": 1, "blocked": 1, "QUEUED": 5, "no_sms_left:Personal:Master": 2,
    }  # fmt: skip
    assert (seen.already_sent, seen.opted_out, seen.repeated) == ({phone(0): sent_at}, (phone(1),), (10,))
    assert (seen.recipients, seen.needed, seen.left) == (9, 7, 5)
    anyway = looked_at(world, anna, sending_id, guard=False)
    assert (anyway.needed, anyway.already_sent) == (8, {phone(0): sent_at})
    confirm(world, anna, sending_id)
    work(world)
    assert progress(world, anna, sending_id).words == seen.words


def test_a_preview_of_many_rows_takes_as_many_statements_as_one_of_few(
    world: World, master: Group, anna: UUID
) -> None:
    world.account_quota(master, 100_000)
    taken = []
    for how_many in (5, 2_000):
        rows = [Row(i + 1, phone(i), {"namn": f"elev {i}"}) for i in range(how_many)]
        sending_id = prepared(world, anna, "Hej {namn}", rows)
        with statements(world.database.engine) as seen:
            assert looked_at(world, anna, sending_id).recipients == how_many
        taken.append([statement.text for statement in seen])
    assert taken[0] == taken[1]
    assert len(taken[0]) <= 12


# Confirming it


def test_a_sending_is_confirmed_once(world: World, anna: UUID) -> None:
    woken: list[str] = []

    def wake(_session: Session, actor: str) -> None:
        woken.append(actor)

    sending_id = prepared(world, anna, "Hej", [Row(1, ANNAS)])
    assert confirm(world, anna, sending_id, guard=False, wake=wake) is Confirmation.NOW
    assert confirm(world, anna, sending_id, wake=wake) is Confirmation.BEFORE
    assert (woken, progress(world, anna, sending_id).guard) == (["work_off_sendings"], False)
    work(world)
    work(world)
    assert confirm(world, anna, sending_id) is Confirmation.BEFORE
    work(world)
    assert sent(world) == [(ANNAS, "Hej")]


def test_of_confirmations_at_once_one_counts(world: World, anna: UUID) -> None:
    sending_id = prepared(world, anna, "Hej", many(3))
    answers = together([lambda: confirm(world, anna, sending_id)] * 6)
    assert (answers.count(Confirmation.NOW), answers.count(Confirmation.BEFORE)) == (1, 5)
    together([lambda: work(world)] * 3)
    assert len(sent(world)) == 3


# Working it off


def test_every_row_gets_its_own_text_in_order_and_its_outcome(world: World, anna: UUID) -> None:
    sending_id = confirmed(world, anna, INVITATION, from_sheet())
    assert not work(world)
    assert sent(world) == [
        (ANNAS, "Hej! Samtal om Alva klockan 14:00."),
        (BOS, "Hej! Samtal om Bo klockan 14:30."),
    ]
    assert told(world, anna, sending_id) == [
        (ANNAS, "QUEUED"), (BOS, "QUEUED"), ("070", "too_short"), ("", "no_number"),
    ]  # fmt: skip
    ended = progress(world, anna, sending_id)
    assert (ended.done, ended.total, ended.accepted, ended.finished_at) == (4, 4, 2, world.clock.now())
    assert ended.words == {"QUEUED": 2, "too_short": 1, "no_number": 1}
    ids = {row.id for row in world.rows("SELECT id FROM message WHERE door = 'portal'")}
    assert {o.message_id for o in outcomes(world, anna, sending_id)} == {*ids, None}
    refused = outcomes(world, anna, sending_id, refused_only=True)
    assert [(o.place, o.word) for o in refused] == [(2, "too_short"), (3, "no_number")]
    assert outcomes(world, anna, sending_id, after=2)[0].place == 3
    assert world.value("SELECT count(*) FROM sending_work") == 0


def test_a_parent_of_two_gets_a_text_for_each_child_and_one_where_both_are_the_same(
    world: World, anna: UUID
) -> None:
    rows = [Row(1, ANNAS, {"elev": "Alva"}), Row(2, ANNAS, {"elev": "Ali"}), Row(3, ANNAS, {"elev": "Alva"})]
    sending_id = confirmed(world, anna, "Samtal om {elev}", rows, guard=False)
    work(world)
    assert [text for _, text in sent(world)] == ["Samtal om Alva", "Samtal om Ali"]
    assert progress(world, anna, sending_id).total == 2


def test_what_is_left_goes_to_the_first_rows_across_chunks(world: World, master: Group, anna: UUID) -> None:
    world.account_quota(master, CHUNK + 50)
    sending_id = confirmed(world, anna, "Hej", many(2 * CHUNK + 7))
    work(world)
    assert [number for number, _ in sent(world)] == [phone(i) for i in range(CHUNK + 50)]
    words = [word for _, word in told(world, anna, sending_id)]
    assert words == ["QUEUED"] * (CHUNK + 50) + ["no_sms_left:Personal:Master"] * (CHUNK - 43)
    ended = progress(world, anna, sending_id)
    assert (ended.done, ended.accepted) == (2 * CHUNK + 7, CHUNK + 50)


def test_each_chunk_is_told_to_the_pages_of_the_account(world: World, database_url: str, anna: UUID) -> None:
    confirmed(world, anna, "Hej", many(CHUNK + 1))
    url = database_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"LISTEN {feed.CHANNEL}")
        work(world)
        heard = [notice.payload for notice in connection.notifies(timeout=0.2)]
    assert heard == [str(anna)] * 2


def test_sendings_are_worked_off_by_turns(world: World, master: Group, anna: UUID) -> None:
    bo = world.account(master, "bo@kommun.example")
    confirmed(world, anna, "Annas", many(3 * CHUNK))
    world.clock.move(timedelta(seconds=1))
    confirmed(world, bo, "Bos", many(CHUNK))
    order = []

    class Watching(Heard):
        def waiting(self, session: Session, channel_id: UUID) -> None:
            world.clock.move(timedelta(seconds=1))
            order.append(1)

    work_off_sendings(world.database, world.clock, Watching())
    texts = [text for _, text in sent(world)]
    assert (len(order), len(texts)) == (4, 4 * CHUNK)
    assert texts[::CHUNK] == ["Annas", "Bos", "Annas", "Annas"]


def test_a_sending_for_later_is_scheduled_and_one_past_its_time_goes_at_once(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    later = clock.now() + timedelta(days=1)
    first = confirmed(world, anna, "Imorgon", many(2), send_at=later)
    work(world)
    assert told(world, anna, first) == [(phone(0), "SCHEDULED"), (phone(1), "SCHEDULED")]
    assert progress(world, anna, first).accepted == 2
    assert (world.value("SELECT count(*) FROM scheduled_text"), sent(world)) == (2, [])
    second = confirmed(world, anna, "Snart", many(1), send_at=clock.now() + timedelta(hours=1))
    clock.move(timedelta(hours=2))
    work(world)
    assert told(world, anna, second) == [(phone(0), "QUEUED")]


def test_without_the_guard_who_has_had_it_gets_it_again(world: World, anna: UUID) -> None:
    world.words(anna, [phone(0)], "Hej")
    for guard, word in ((True, "sms_already_sent_24H"), (False, "QUEUED")):
        sending_id = confirmed(world, anna, "Hej", many(1), guard=guard)
        work(world)
        assert told(world, anna, sending_id) == [(phone(0), word)]


# When something goes wrong


class Death(BaseException):
    """A worker's end: nothing catches it."""


class DyingAt(Heard):
    """An announcer whose worker dies when it has told of so many chunks."""

    def __init__(self, chunk: int) -> None:
        super().__init__()
        self.left = chunk

    def waiting(self, session: Session, channel_id: UUID) -> None:
        self.left -= 1
        if self.left == 0:
            raise Death


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_a_worker_that_dies_in_a_chunk_misses_nobody_and_sends_nothing_twice(
    world: World, clock: FixedClock, master: Group, anna: UUID, chunk: int
) -> None:
    world.account_quota(master, 10_000)
    sending_id = confirmed(world, anna, "Hej", many(2 * CHUNK + 10), guard=False)
    with pytest.raises(Death):
        work_off_sendings(world.database, clock, DyingAt(chunk))
    done = (chunk - 1) * CHUNK
    assert (progress(world, anna, sending_id).done, len(sent(world))) == (done, done)
    work(world)
    assert progress(world, anna, sending_id).done == done
    clock.move(QUEUE.lease)
    work(world)
    assert [number for number, _ in sent(world)] == [phone(i) for i in range(2 * CHUNK + 10)]
    ended = progress(world, anna, sending_id)
    assert (ended.done, ended.accepted, len(told(world, anna, sending_id))) == (2 * CHUNK + 10,) * 3
    assert world.value("SELECT parts FROM quota_usage WHERE scope_id = :id", id=anna) == 2 * CHUNK + 10


def test_a_worker_whose_lease_another_has_taken_changes_nothing(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    sending_id = confirmed(world, anna, "Hej", many(3), guard=False)

    class Slow(Heard):
        """Before its worker is done, another takes over and does it."""

        def waiting(self, session: Session, channel_id: UUID) -> None:
            world.run("UPDATE sending_work SET lease_id = :id", id=new_id())

    work_off_sendings(world.database, clock, Slow())
    assert (sent(world), progress(world, anna, sending_id).done) == ([], 0)
    clock.move(QUEUE.lease)
    work(world)
    assert len(sent(world)) == 3


def test_rows_that_are_handed_in_again_are_known_by_their_references(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.account_quota(master, CHUNK)
    sending_id = confirmed(world, anna, "Hej", many(CHUNK + 5), guard=False)
    work(world)
    before = outcomes(world, anna, sending_id)
    world.run("UPDATE sending SET done = 0, accepted = 0, finished_at = NULL")
    world.run("DELETE FROM sending_outcome")
    world.run(
        "INSERT INTO sending_work (id, tenant_id, next_attempt_at) SELECT id, tenant_id, :now FROM sending",
        now=clock.now(),
    )
    work(world)
    assert outcomes(world, anna, sending_id) == before
    assert len(sent(world)) == CHUNK
    assert world.value("SELECT count(*) FROM message") == CHUNK + 5
    assert progress(world, anna, sending_id).accepted == CHUNK


def test_a_sending_whose_account_is_blocked_meanwhile_ends_and_says_so(world: World, anna: UUID) -> None:
    rows = [*many(CHUNK + 2), Row(1000, "070"), Row(1001, phone(0))]
    sending_id = confirmed(world, anna, "Hej", rows)

    class Blocking(Heard):
        def waiting(self, session: Session, channel_id: UUID) -> None:
            world.run("UPDATE account SET blocked = true")

    work_off_sendings(world.database, world.clock, Blocking())
    ended = progress(world, anna, sending_id)
    assert (ended.done, ended.total, ended.accepted) == (CHUNK + 3, CHUNK + 3, CHUNK)
    assert ended.finished_at == world.clock.now()
    assert ended.words == {"QUEUED": CHUNK, "account_blocked": 2, "too_short": 1}
    assert told(world, anna, sending_id)[CHUNK:] == [
        (phone(CHUNK), "account_blocked"), (phone(CHUNK + 1), "account_blocked"), ("070", "too_short"),
    ]  # fmt: skip
    assert len(sent(world)) == CHUNK


def test_a_sending_that_fails_again_and_again_is_seen_to_be_stuck(
    world: World, clock: FixedClock, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending_id = confirmed(world, anna, "Hej", many(2))

    def fail(*_: Any) -> None:
        raise RuntimeError("something is broken")

    with monkeypatch.context() as broken:
        broken.setattr(sending_work, "submit", fail)
        for _ in range(len(QUEUE.pauses) + 1):
            work(world)
            clock.move(timedelta(hours=1))
    stuck = progress(world, anna, sending_id)
    assert (stuck.stuck, stuck.done, stuck.finished_at) == (True, 0, None)
    world.run("UPDATE sending_work SET state = 'ready', attempts = 0")
    work(world)
    ended = progress(world, anna, sending_id)
    assert (ended.stuck, ended.done) == (False, 2)


@pytest.mark.parametrize("attempt", range(2))
def test_sendings_of_many_that_many_work_off_at_once_reach_everybody_once(
    world: World, master: Group, attempt: int
) -> None:
    world.group_quota(master, 10_000)
    people = [world.account(master, f"person{i}@kommun.example") for i in range(4)]
    ids = {person: confirmed(world, person, "Hej", many(CHUNK + 40)) for person in people}
    together([lambda: work(world)] * 4)
    work(world)
    for person, sending_id in ids.items():
        assert progress(world, person, sending_id).accepted == CHUNK + 40
    assert len(sent(world)) == 4 * (CHUNK + 40)
    assert world.value("SELECT parts FROM quota_usage WHERE scope_id = :id", id=master.id) == 4 * (CHUNK + 40)


# Afterwards


def test_an_accounts_sendings_stand_newest_first_once_they_are_confirmed(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    prepared(world, anna, "Aldrig bekräftad", many(1))
    made = []
    for text in ("Första", "Andra", "Tredje"):
        made.append(confirmed(world, anna, text, many(1)))
        clock.move(timedelta(minutes=1))
    with world.database.unit_of_work() as session:
        assert [(p.id, p.text) for p in sendings.latest(session, anna, 2)] == [
            (made[2], "Tredje"), (made[1], "Andra"),
        ]  # fmt: skip


def test_what_was_never_confirmed_is_forgotten_and_what_was_handed_in_is_emptied_in_time(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    unconfirmed = prepared(world, anna, "Hej", many(1))
    finished = confirmed(world, anna, "Hej då", many(2))
    work(world)

    def rows() -> Mapping[UUID, int]:
        with world.database.unit_of_work() as session:
            sendings.forget_old(session, clock.now())
        found = world.rows("SELECT id, jsonb_array_length(rows) AS rows FROM sending")
        return {row.id: row.rows for row in found}

    clock.move(sendings.UNCONFIRMED_LIFE)
    assert rows() == {unconfirmed: 1, finished: 2}
    clock.move(timedelta(microseconds=1))
    assert rows() == {finished: 2}
    waiting = confirmed(world, anna, "Väntar", many(3))
    clock.move(sendings.ROWS_LIFE)
    assert rows() == {finished: 0, waiting: 3}
    assert len(told(world, anna, finished)) == 2
    assert looked_at(world, anna, finished).recipients == 0
