"""What the SMTP server's 250 is worth: the mail is on disk, whatever fails, whoever leaves, however many come (spec M6)."""

from __future__ import annotations

import smtplib
import threading
import time

from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database, make_engine
from messa_platform.mail.committer import Committer
from messa_platform.mail.gatekeeper import Gatekeeper
from messa_platform.mail.server import Handler, SmtpServer
from messa_platform.mail.settings import SmtpSettings
from tests.support.platform import ANNA, mail
from tests.support.processes import HOST
from tests.support.smtp_server import LOOPBACK, SENDER, Serve, Served

NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:9/nothing"


def test_a_mail_is_on_disk_with_its_envelope_when_it_is_answered(served: Served, clock: FixedClock) -> None:
    message = mail("Räksmörgås")
    with served.connect() as smtp:
        smtp.sendmail("Anna@Kommun.Example", [ANNA, "+46701740606@messa.example"], bytes(message))
        (row,) = served.rows()
    assert row.raw == bytes(message)
    assert row.envelope_sender == "anna@kommun.example"
    assert row.recipients == [ANNA, "+46701740606@messa.example"]
    assert (row.peer, row.helo, row.received_at) == (HOST, "mx.kommun.example", clock.now())
    assert (row.state, row.attempts) == ("ready", 0)
    assert served.stored == [None]


def test_while_the_database_is_away_nothing_is_claimed(serve: Serve) -> None:
    away = Database(make_engine(NOWHERE))
    served = serve(at=away)
    with served.connect() as smtp:
        assert smtp.docmd(f"MAIL FROM:<{SENDER}>")[0] == 250
        assert smtp.docmd(f"RCPT TO:<{ANNA}>")[0] == 451
    away.close()


def test_a_mail_whose_storing_fails_is_answered_451_and_taken_the_next_time(served: Served) -> None:
    def server_side(statement: str) -> None:
        with served.database.unit_of_work() as session:
            session.execute(text(statement))

    with served.connect() as smtp:
        assert smtp.mail(SENDER)[0] == smtp.rcpt(ANNA)[0] == 250
        server_side("ALTER TABLE inbound_mail RENAME TO inbound_mail_away")
        assert smtp.data(bytes(mail("Försök ett")))[0] == 451
        server_side("ALTER TABLE inbound_mail_away RENAME TO inbound_mail")
        assert smtp.mail(SENDER)[0] == smtp.rcpt(ANNA)[0] == 250
        assert smtp.data(bytes(mail("Försök två")))[0] == 250
    (row,) = served.rows()
    assert "Försök två".encode() in row.raw or b"F=C3=B6rs=C3=B6k" in row.raw


def test_connections_that_the_database_has_cut_cost_no_mail(served: Served) -> None:
    with served.connect() as smtp:
        smtp.sendmail(SENDER, [ANNA], bytes(mail("Före")))
        with served.database.engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        codes = []
        deadline = time.monotonic() + 20
        while 250 not in codes and time.monotonic() < deadline:
            assert smtp.mail(SENDER)[0] == smtp.rcpt(ANNA)[0] == 250
            codes.append(smtp.data(bytes(mail("Efter")))[0])
    assert codes[-1] == 250
    assert set(codes[:-1]) <= {451}
    assert len(served.rows()) == 2


def test_many_at_once_each_get_their_own_answer_and_each_mail_is_a_row(served: Served) -> None:
    count, each = 60, 3
    answers: list[str] = []
    gate = threading.Barrier(count)

    def send(client: int) -> None:
        with served.connect() as smtp:
            gate.wait(30)
            for i in range(each):
                assert (
                    smtp.mail(f"c{client}@kommun.example")[0]
                    == smtp.rcpt(f"+467017{client:03d}{i:02d}@messa.example")[0]
                    == 250
                )
                code, answer = smtp.data(bytes(mail(f"{client}/{i}")))
                assert code == 250
                answers.append(answer.decode().split()[-1])

    threads = [threading.Thread(target=send, args=[client]) for client in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    rows = served.rows()
    assert sorted(answers) == sorted(str(row.id) for row in rows)
    assert len(rows) == count * each
    assert {(row.envelope_sender, row.recipients[0]) for row in rows} == {
        (f"c{client}@kommun.example", f"+467017{client:03d}{i:02d}@messa.example")
        for client in range(count)
        for i in range(each)
    }


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(served: Served) -> None:
    smtp = served.connect()
    assert smtp.mail(SENDER)[0] == smtp.rcpt(ANNA)[0] == 250
    assert smtp.docmd("DATA")[0] == 354
    smtp.send(b"Subject: Halv\r\n\r\nInget mer")
    smtp.close()
    with served.connect() as other:
        other.sendmail(SENDER, [ANNA], bytes(mail("Hel")))
    (row,) = served.rows()
    assert b"Hel" in row.raw


def test_a_mail_under_way_at_the_end_is_answered_first(database: Database, clock: FixedClock) -> None:
    settings = SmtpSettings(port=0)
    committer = Committer(database.engine, lambda: None)
    server = SmtpServer(
        Handler(Gatekeeper(database, "messa.example", LOOPBACK), committer, clock, settings),
        settings,
        "messa.example",
    )
    server.start()
    answers = []
    with smtplib.SMTP(HOST, server.address[1], timeout=20) as smtp, database.engine.connect() as other:
        assert smtp.ehlo("x")[0] == smtp.mail(SENDER)[0] == smtp.rcpt(ANNA)[0] == 250
        other.execute(text("LOCK TABLE inbound_mail IN EXCLUSIVE MODE"))
        sending = threading.Thread(target=lambda: answers.append(smtp.data(bytes(mail()))[0]))
        sending.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        deadline = time.monotonic() + 10
        while not other.execute(waiting).scalar() and time.monotonic() < deadline:
            time.sleep(0.01)
        closing = threading.Thread(target=server.close)
        closing.start()
        other.rollback()
        sending.join(20)
        closing.join(20)
        smtp.close()
    committer.close()
    assert answers == [250]
    assert not closing.is_alive()
