"""The SMTP server: what it takes, what it refuses and with which words, and what its 250 is worth (spec M1, M6, M11)."""

from __future__ import annotations

import smtplib
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database, make_engine
from messa_platform.mail.committer import Committer
from messa_platform.mail.gatekeeper import Gatekeeper
from messa_platform.mail.server import Handler, SmtpServer
from messa_platform.mail.settings import SmtpSettings
from messa_platform.tenants.group_settings import Key
from tests.support.platform import ANNA, HOST, mail, program
from tests.support.world import World

SENDER = "anna@kommun.example"
LOOPBACK = (ip_network("127.0.0.0/8"),)
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:9/nothing"


@dataclass
class Served:
    """A running server, and the database that its mails go to."""

    server: SmtpServer
    database: Database
    stored: list[None]

    @property
    def port(self) -> int:
        return self.server.address[1]

    def connect(self) -> smtplib.SMTP:
        """A connection that has said EHLO."""
        smtp = smtplib.SMTP(HOST, self.port, timeout=20)
        smtp.ehlo("mx.kommun.example")
        return smtp

    def rows(self) -> list[Any]:
        """The mails that are on disk, in the order of their arrival."""
        with self.database.unit_of_work() as session:
            return list(session.execute(text("SELECT * FROM inbound_mail ORDER BY id")))


Serve = Callable[..., Served]


@pytest.fixture
def serve(database: Database, clock: FixedClock) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(trusted: Any = LOOPBACK, at: Database = database, **values: Any) -> Served:
            settings = SmtpSettings(port=0, **values)
            stored: list[None] = []
            committer = Committer(at.engine, lambda: stored.append(None))
            gatekeeper = Gatekeeper(at, "messa.example", trusted)
            server = SmtpServer(Handler(gatekeeper, committer, clock, settings), settings, "messa.example")
            server.start()
            stack.callback(committer.close)
            stack.callback(server.close)
            return Served(server, database, stored)

        yield start


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()


def rcpt(served: Served, address: str, sender: str = SENDER) -> tuple[int, str]:
    """What is answered to RCPT."""
    with served.connect() as smtp:
        assert smtp.docmd(f"MAIL FROM:<{sender}>")[0] == 250
        code, answer = smtp.docmd(f"RCPT TO:<{address}>")
        return code, answer.decode()


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


@pytest.mark.parametrize(
    "local",
    [
        "0701740605",
        "+46701740605",
        "0046701740605",
        "46701740605",
        "070-174.06.05",
        '"070 174 06 05"',
        '"+46 (0)70-174 06 05"',
    ],
)
def test_a_number_may_be_written_in_many_ways(served: Served, local: str) -> None:
    assert rcpt(served, f"{local}@messa.example") == (250, "2.1.5 OK")


def test_the_domain_is_compared_without_regard_to_case(served: Served) -> None:
    assert rcpt(served, "0701740605@MESSA.Example") == (250, "2.1.5 OK")


@pytest.mark.parametrize(
    ("local", "why"),
    [
        ("anna", "it is not a mobile number; write for example 0701234567 or +46701234567"),
        ("070", "the number is too short"),
        ("+4670174060512345", "the number is too long"),
        ("+999701740605", "no such number can exist"),
        ("0", "the number is too short"),
        ("1", "the number is too short"),
        ("+0701740605", "no such number can exist"),
    ],
)
def test_an_impossible_number_is_refused_and_told_why(served: Served, local: str, why: str) -> None:
    code, answer = rcpt(served, f"{local}@messa.example")
    assert code == 550
    assert answer == f"5.1.1 The address cannot be reached: {why}"


@pytest.mark.parametrize(
    "domain", ["example.com", "messa.example.com", "sub.messa.example", "messa.example."]
)
def test_mail_is_not_relayed_to_other_domains(served: Served, domain: str) -> None:
    code, answer = rcpt(served, f"0701740605@{domain}")
    assert code == 550
    assert "@messa.example" in answer


def test_an_address_without_a_domain_is_refused(served: Served) -> None:
    assert rcpt(served, "0701740605")[0] == 550


def test_a_national_number_is_read_by_the_country_of_the_senders_group(serve: Serve, world: World) -> None:
    oslo = world.tenant("oslo", "Oslo kommune")
    world.set(oslo, Key.COUNTRY_CODE, "47")
    world.domain(oslo, "oslo.example")
    served = serve()
    assert rcpt(served, "0701740605@messa.example", "kari@oslo.example") == (
        550,
        "5.1.1 The address cannot be reached: the number is too long",
    )
    assert rcpt(served, "0701740605@messa.example", "anna@kommun.example")[0] == 250


def test_an_own_number_of_fifteen_digits_is_taken_as_it_is(serve: Serve, world: World) -> None:
    world.numbers()
    assert rcpt(serve(), "+467301214000007@messa.example") == (250, "2.1.5 OK")


def test_a_refused_recipient_does_not_hold_up_the_others(served: Served) -> None:
    with served.connect() as smtp:
        refused = smtp.sendmail(SENDER, ["anna@messa.example", ANNA, "0701740605@example.com"], bytes(mail()))
    assert sorted(refused) == ["0701740605@example.com", "anna@messa.example"]
    assert [row.recipients for row in served.rows()] == [[ANNA]]


def test_the_recipients_over_the_limit_are_asked_to_wait_and_the_rest_is_kept(serve: Serve) -> None:
    served = serve(max_recipients=500)
    to = [f"+46701{i:06d}@messa.example" for i in range(502)]
    with served.connect() as smtp:
        refused = smtp.sendmail(SENDER, to, bytes(mail()))
    assert sorted(refused) == to[500:]
    assert {code for code, _ in refused.values()} == {452}
    assert refused[to[500]][1].startswith(b"4.5.3 ")
    assert [row.recipients for row in served.rows()] == [to[:500]]


def test_a_mail_that_says_it_is_too_big_is_refused_at_once(serve: Serve) -> None:
    with serve(max_bytes=100_000).connect() as smtp:
        assert smtp.docmd(f"MAIL FROM:<{SENDER}> SIZE=100001")[0] == 552


def test_a_mail_that_turns_out_too_big_is_refused_and_the_next_one_is_taken(serve: Serve) -> None:
    served = serve(max_bytes=100_000)
    with served.connect() as smtp:
        smtp.esmtp_features.clear()
        smtp.does_esmtp = False  # so that the client does not tell the size beforehand
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.sendmail(SENDER, [ANNA], bytes(mail("x " * 60_000)))
        assert refused.value.smtp_code == 552
        smtp.sendmail(SENDER, [ANNA], bytes(mail("Kort")))
    assert len(served.rows()) == 1


def test_the_null_sender_is_taken_and_stored_as_nothing(served: Served) -> None:
    with served.connect() as smtp:
        assert smtp.docmd("MAIL FROM:<>")[0] == 250
        assert smtp.docmd(f"RCPT TO:<{ANNA}>")[0] == 250
        smtp.data(bytes(mail()))
    assert [row.envelope_sender for row in served.rows()] == [""]


def test_a_mail_in_utf8_from_an_address_in_utf8_is_taken(served: Served) -> None:
    message = EmailMessage()
    message["From"] = "göran@kommun.example"
    message["To"] = ANNA
    message["Subject"] = "Överföring"
    message.set_content("Åäö\n")
    with served.connect() as smtp:
        assert smtp.has_extn("smtputf8")
        smtp.send_message(message, "göran@kommun.example", [ANNA])
    (row,) = served.rows()
    assert row.envelope_sender == "göran@kommun.example"
    assert "Subject: Överföring".encode() in row.raw


def test_a_line_far_over_the_limit_of_the_standard_is_taken_unchanged(served: Served) -> None:
    raw = b"From: anna@kommun.example\r\nSubject: Lang\r\n\r\n" + b"x" * 600_000 + b"\r\n"
    with served.connect() as smtp:
        smtp.sendmail(SENDER, [ANNA], raw)
    assert [row.raw for row in served.rows()] == [raw]


def test_a_line_that_begins_with_dots_keeps_them(served: Served) -> None:
    with served.connect() as smtp:
        smtp.sendmail(SENDER, [ANNA], b"Subject: Punkt\r\n\r\n.\r\n..\r\n.punkt\r\n")
    assert [row.raw for row in served.rows()] == [b"Subject: Punkt\r\n\r\n.\r\n..\r\n.punkt\r\n"]


def test_bytes_that_are_no_text_are_stored_as_they_came(served: Served) -> None:
    raw = b"Subject: \xff\xfe\r\n\r\n" + bytes(range(1, 10)) + bytes(range(14, 256)) + b"\x00\r\n"
    with served.connect() as smtp:
        smtp.sendmail(SENDER, [ANNA], raw)
    assert [row.raw for row in served.rows()] == [raw]


@pytest.mark.parametrize(
    "address", ["<anna\udcff@kommun.example>", "<an\x00na@kommun.example>", "<an\x1bna@kommun.example>"]
)
def test_a_sender_that_no_address_can_be_is_refused_and_the_connection_goes_on(
    served: Served, address: str
) -> None:
    with served.connect() as smtp:
        smtp.send(f"MAIL FROM:{address}\r\n".encode("utf-8", "surrogateescape"))
        assert smtp.getreply()[0] in (501, 553)
        smtp.sendmail(SENDER, [ANNA], bytes(mail()))
    assert len(served.rows()) == 1


def test_a_greeting_that_no_table_can_hold_does_not_cost_the_mail(served: Served) -> None:
    with smtplib.SMTP(HOST, served.port, timeout=20) as smtp:
        smtp.send("EHLO mx\x00\x1bö\r\n".encode())
        assert smtp.getreply()[0] == 250
        for command in (f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{ANNA}>"):
            assert smtp.docmd(command)[0] == 250
        smtp.data(bytes(mail()))
    (row,) = served.rows()
    assert row.helo.startswith("mx")
    assert row.helo.isprintable()


def certificate(directory: Path) -> tuple[str, str]:
    """A certificate of our own and its key, as files."""
    chain, key = str(directory / "chain.pem"), str(directory / "key.pem")
    subprocess.run(
        [
            *(program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *(
                "-subj",
                "/CN=messa.example",
                "-addext",
                "subjectAltName=DNS:messa.example",
                "-keyout",
                key,
                "-out",
                chain,
            ),
        ],
        check=True,
        capture_output=True,
    )
    return chain, key


def test_with_a_certificate_mail_comes_in_over_tls(serve: Serve, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    served = serve(tls_certificate=chain, tls_key=key)
    trusting = ssl.create_default_context(cafile=chain)
    trusting.check_hostname = False
    with smtplib.SMTP(HOST, served.port, timeout=20) as smtp:
        smtp.starttls(context=trusting)
        smtp.sendmail(SENDER, [ANNA], bytes(mail("Hemligt")))
    assert [row.envelope_sender for row in served.rows()] == [SENDER]


def test_what_was_slipped_in_before_the_handshake_is_forgotten_with_it(serve: Serve, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    served = serve(tls_certificate=chain, tls_key=key)
    trusting = ssl.create_default_context(cafile=chain)
    trusting.check_hostname = False
    with smtplib.SMTP(HOST, served.port, timeout=20) as smtp:
        smtp.ehlo("mx.kommun.example")
        # RFC 3207, 4.2: nothing said before STARTTLS counts after it
        smtp.send(f"STARTTLS\r\nEHLO x\r\nMAIL FROM:<mallory@kommun.example>\r\nRCPT TO:<{ANNA}>\r\n")
        assert smtp.getreply()[0] == 220
        assert smtp.sock is not None
        smtp.sock = trusting.wrap_socket(smtp.sock)
        smtp.file = None
        assert smtp.ehlo("mx.kommun.example")[0] == 250
        assert smtp.docmd(f"RCPT TO:<{ANNA}>")[0] == 503
        smtp.sendmail(SENDER, [ANNA], bytes(mail()))
    assert [row.envelope_sender for row in served.rows()] == [SENDER]


def test_without_a_certificate_tls_is_not_offered(served: Served) -> None:
    with served.connect() as smtp:
        assert not smtp.has_extn("starttls")


V2 = b"\r\n\r\n\x00\r\nQUIT\n"
PROXY_HEADERS = {
    "v1": b"PROXY TCP4 192.0.2.7 192.0.2.1 50000 25\r\n",
    "v1 over IPv6": b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 25\r\n",
    "v2": V2
    + b"\x21\x11"
    + struct.pack("!H4s4sHH", 12, bytes([192, 0, 2, 7]), bytes([192, 0, 2, 1]), 50000, 25),
}


@pytest.mark.parametrize("version", PROXY_HEADERS)
def test_behind_a_load_balancer_the_client_is_the_one_that_it_names(serve: Serve, version: str) -> None:
    served = serve(proxies=LOOPBACK, trusted=(ip_network("192.0.2.7/32"), ip_network("2001:db8::7/128")))
    with socket.create_connection((HOST, served.port), timeout=20) as raw:
        raw.sendall(PROXY_HEADERS[version])
        smtp = smtplib.SMTP(timeout=20)
        smtp.sock = raw
        assert smtp.getreply()[0] == 220
        smtp.sendmail(SENDER, [ANNA], bytes(mail()))
        smtp.quit()
    assert [row.peer for row in served.rows()] == ["2001:db8::7" if "IPv6" in version else "192.0.2.7"]


def test_behind_a_load_balancer_a_stranger_is_refused_though_the_balancer_is_trusted(serve: Serve) -> None:
    served = serve(proxies=LOOPBACK, trusted=LOOPBACK)
    with socket.create_connection((HOST, served.port), timeout=20) as raw:
        raw.sendall(PROXY_HEADERS["v1"])
        smtp = smtplib.SMTP(timeout=20)
        smtp.sock = raw
        assert smtp.getreply()[0] == 220
        smtp.ehlo("x")
        assert smtp.docmd(f"MAIL FROM:<{SENDER}>")[0] == 550
        smtp.quit()


def test_a_proxy_line_from_one_that_is_no_load_balancer_of_ours_is_not_believed(serve: Serve) -> None:
    served = serve(proxies=(ip_network("198.51.100.1/32"),), trusted=(ip_network("192.0.2.7/32"),))
    with socket.create_connection((HOST, served.port), timeout=20) as raw:
        raw.sendall(PROXY_HEADERS["v1"])
        assert not raw.recv(100).startswith(b"220")


def test_where_a_load_balancer_is_expected_nobody_else_is_greeted(serve: Serve) -> None:
    served = serve(proxies=LOOPBACK)
    with socket.create_connection((HOST, served.port), timeout=20) as raw:
        raw.sendall(b"EHLO direct.example\r\n")
        assert raw.recv(100) == b""


def test_without_the_setting_a_proxy_line_is_no_more_than_an_unknown_command(served: Served) -> None:
    with served.connect() as smtp:
        assert smtp.docmd("PROXY TCP4 192.0.2.7 192.0.2.1 50000 25")[0] == 500


def test_a_peer_that_is_no_listed_relay_is_refused(serve: Serve) -> None:
    with serve(trusted=(ip_network("192.0.2.0/24"),)).connect() as smtp:
        code, why = smtp.docmd(f"MAIL FROM:<{SENDER}>")
    assert code == 550
    assert why.startswith(b"5.7.1 Mail is taken from listed relays only")


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
