"""Domain names as people type them, and those that nobody can own (spec D1)."""

from __future__ import annotations

import pytest

from messa_platform.core.settings import WrongSettings, load
from messa_platform.tenants.domains.names import LONGEST, Refusal, is_within, read_domain, registered, shown
from messa_platform.tenants.domains.settings import DnsSettings

OURS = "messa.example"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("kommun.se", "kommun.se"),
        ("  Kommun.SE. ", "kommun.se"),
        ("@kommun.se", "kommun.se"),
        ("Malmö.se", "xn--malm-8qa.se"),
        ("skola.MALMÖ.se", "skola.xn--malm-8qa.se"),
        ("XN--MALM-8QA.se", "xn--malm-8qa.se"),
        ("straße.de", "xn--strae-oqa.de"),  # IDNA 2003 would make another domain of it, strasse.de
        ("kommun\N{IDEOGRAPHIC FULL STOP}se", "kommun.se"),
        ("anna.github.io", "anna.github.io"),
        ("bolaget.co.uk", "bolaget.co.uk"),
        ("3.se", "3.se"),
        ("notmessa.example", "notmessa.example"),
    ],
)
def test_a_domain_is_read_as_it_stands_in_the_dns(typed: str, name: str) -> None:
    assert read_domain(typed, OURS) == name


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", Refusal.EMPTY),
        ("  ", Refusal.EMPTY),
        ("@", Refusal.EMPTY),
        (".", Refusal.EMPTY),
        ("anna@kommun.se", Refusal.NO_DOMAIN),
        ("https://kommun.se/", Refusal.NO_DOMAIN),
        ("kommun..se", Refusal.NO_DOMAIN),
        ("kommun se", Refusal.NO_DOMAIN),
        ("_messa.kommun.se", Refusal.NO_DOMAIN),
        ("*.kommun.se", Refusal.NO_DOMAIN),
        ("-a.se", Refusal.NO_DOMAIN),
        ("a-.se", Refusal.NO_DOMAIN),
        ("a\0.se", Refusal.NO_DOMAIN),
        ("kommun.\\115e", Refusal.NO_DOMAIN),
        ("\N{SNOWMAN}.se", Refusal.NO_DOMAIN),
        ("\N{RIGHT-TO-LEFT OVERRIDE}.se", Refusal.NO_DOMAIN),
        ("a" * 64 + ".se", Refusal.NO_DOMAIN),
        (".".join(["a" * 60] * 5), Refusal.NO_DOMAIN),
        ("å" * 5000, Refusal.NO_DOMAIN),
        ("192.0.2.7", Refusal.ADDRESS),
        ("[192.0.2.7]", Refusal.ADDRESS),
        ("2001:db8::7", Refusal.ADDRESS),
        ("[IPv6:2001:db8::7]", Refusal.ADDRESS),
        ("10.1", Refusal.ADDRESS),
        ("localhost", Refusal.ONE_LABEL),
        ("se", Refusal.ONE_LABEL),
        ("co.uk", Refusal.PUBLIC),
        ("github.io", Refusal.PUBLIC),
        ("kobe.jp", Refusal.PUBLIC),
        ("messa.example", Refusal.OURS),
        ("MESSA.example.", Refusal.OURS),
        ("under.messa.example", Refusal.OURS),
    ],
)
def test_what_nobody_can_own_is_refused_with_its_reason(typed: str, refusal: Refusal) -> None:
    assert read_domain(typed, OURS) == refusal


def test_the_longest_domain_leaves_room_for_the_name_of_its_proof() -> None:
    name = ".".join(["a" * 59] * 4 + ["bc", "se"])
    assert len(name) == LONGEST - 1
    assert read_domain(name, OURS) == name
    assert read_domain(f"bb{name}", OURS) == Refusal.NO_DOMAIN


def test_every_public_suffix_of_the_list_is_refused() -> None:
    lines = ["se", "com", "org.uk", "blogspot.com", "com.se", "priv.no", "herokuapp.com", "xn--p1ai"]
    assert all(isinstance(read_domain(line, OURS), Refusal) for line in lines)


def test_a_name_is_shown_as_people_write_it() -> None:
    assert shown("skola.xn--malm-8qa.se") == "skola.malmö.se"
    assert shown("kommun.se") == "kommun.se"
    assert shown("xn--zzzzzzzz.se") == "xn--zzzzzzzz.se"


def test_the_dns_of_a_name_is_that_of_the_domain_that_was_bought() -> None:
    assert registered("a.skolan.kommun.se") == "kommun.se"
    assert registered("skolan.bolaget.co.uk") == "bolaget.co.uk"
    assert registered("kommun.se") == "kommun.se"


def test_within_a_domain_is_what_ends_with_it_at_a_dot() -> None:
    assert is_within("kommun.se", "kommun.se")
    assert is_within("skola.kommun.se", "kommun.se")
    assert not is_within("minkommun.se", "kommun.se")
    assert not is_within("kommun.se", "skola.kommun.se")


@pytest.mark.parametrize(
    ("written", "server"),
    [
        ("", None),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("::1", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
        ("[::1]", ("::1", 53)),
    ],
)
def test_the_resolver_is_an_address_with_or_without_its_port(
    written: str, server: tuple[str, int] | None
) -> None:
    assert load([DnsSettings], {"dns.resolver": written}, {})[DnsSettings].server == server


@pytest.mark.parametrize(
    "values",
    [
        {"dns.resolver": "resolver.example"},
        {"dns.resolver": "127.0.0.1:0"},
        {"dns.resolver": "127.0.0.1:x"},
        {"dns.timeout_seconds": "0"},
        {"dns.timeout_seconds": "60"},
    ],
)
def test_a_resolver_that_cannot_be_asked_stops_the_start(values: dict[str, str]) -> None:
    with pytest.raises(WrongSettings, match=next(iter(values))):
        load([DnsSettings], values, {})
