"""Whom the SMTP server takes mail to, and with which words it refuses the others (spec M1)."""

from __future__ import annotations

import pytest

from messa_platform.tenants.group_settings import Key
from tests.support.platform import ANNA, mail
from tests.support.smtp_server import SENDER, Serve, Served, rcpt
from tests.support.world import World


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
