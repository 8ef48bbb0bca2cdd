"""The proof of a domain, asked for at a real DNS server (spec D1)."""

from __future__ import annotations

from collections.abc import Iterator

import dns.resolver
import pytest

from messa_platform.tenants.domains.proof import (
    LONGEST_FOUND,
    Missing,
    Outcome,
    Proven,
    Resolver,
    Unreachable,
    Wrong,
    look,
)
from messa_platform.tenants.domains.settings import DnsSettings
from tests.support.dns_server import DnsServer, Fault, a_dns_server, nobody_there

TOKEN = "0123456789abcdef0123456789abcdef"
DOMAIN = "kommun.example"
PLACE = f"_messa.{DOMAIN}"
VALUE = f"messa-verification={TOKEN}"


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    with a_dns_server() as server:
        yield server


def looked(server: str, timeout: float = 5.0) -> Outcome:
    return look(Resolver(DnsSettings(server, timeout)), DOMAIN, TOKEN)


def test_the_record_at_its_place_proves(dns_server: DnsServer) -> None:
    dns_server.prove(DOMAIN, TOKEN)
    assert looked(dns_server.resolver) == Proven()
    assert dns_server.asked == [(PLACE, "udp")]


def test_the_record_at_the_domain_itself_proves_among_others(dns_server: DnsServer) -> None:
    dns_server.put(DOMAIN, "v=spf1 -all", VALUE, "other-verification=7")
    assert looked(dns_server.resolver) == Proven()


def test_the_record_proves_with_quotes_around_it_and_in_pieces(dns_server: DnsServer) -> None:
    dns_server.put(PLACE, f'"{VALUE}" ')
    assert looked(dns_server.resolver) == Proven()


def test_a_name_that_does_not_exist_has_no_proof(dns_server: DnsServer) -> None:
    assert looked(dns_server.resolver) == Missing()


def test_a_name_without_text_has_no_proof(dns_server: DnsServer) -> None:
    dns_server.put(PLACE)
    assert looked(dns_server.resolver) == Missing()


def test_what_stands_in_its_place_is_told(dns_server: DnsServer) -> None:
    dns_server.put(PLACE, "hej", "b" * 400, "d\x07\N{RIGHT-TO-LEFT OVERRIDE}", "e")
    dns_server.put(DOMAIN, "v=spf1 -all")
    assert looked(dns_server.resolver) == Missing(("b" * LONGEST_FOUND, "d", "e"))


@pytest.mark.parametrize("place", [PLACE, DOMAIN])
def test_another_token_is_the_wrong_one(dns_server: DnsServer, place: str) -> None:
    dns_server.put(place, "messa-verification=ffff")
    assert looked(dns_server.resolver) == Wrong(("messa-verification=ffff",))


def test_a_long_answer_is_asked_for_again_over_tcp(dns_server: DnsServer) -> None:
    dns_server.put(PLACE, *(f"{n}-{'x' * 300}" for n in range(40)), VALUE)
    dns_server.truncated.add(PLACE)
    assert looked(dns_server.resolver) == Proven()
    assert dns_server.asked == [(PLACE, "udp"), (PLACE, "tcp")]


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.REFUSED])
def test_a_resolver_that_cannot_tell_says_nothing_of_the_proof(dns_server: DnsServer, fault: Fault) -> None:
    dns_server.break_(fault, PLACE, DOMAIN)
    assert looked(dns_server.resolver) == Unreachable("servfail")


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.GARBLED])
def test_a_resolver_that_does_not_answer_says_nothing_of_the_proof(
    dns_server: DnsServer, fault: Fault
) -> None:
    dns_server.break_(fault, PLACE, DOMAIN)
    assert looked(dns_server.resolver, 0.2) == Unreachable("timeout")


def test_a_resolver_that_is_not_there_says_nothing_of_the_proof() -> None:
    assert isinstance(looked(nobody_there(), 0.5), Unreachable)


@pytest.mark.parametrize("broken", [PLACE, DOMAIN])
def test_a_missing_record_at_one_place_and_no_answer_about_the_other_is_no_answer(
    dns_server: DnsServer, broken: str
) -> None:
    dns_server.break_(Fault.SERVFAIL, broken)
    assert looked(dns_server.resolver) == Unreachable("servfail")


def test_a_proof_at_one_place_is_enough_if_the_other_cannot_be_asked(dns_server: DnsServer) -> None:
    dns_server.break_(Fault.SERVFAIL, PLACE)
    dns_server.put(DOMAIN, VALUE)
    assert looked(dns_server.resolver) == Proven()


def test_nothing_is_searched_below_the_machines_own_domain(dns_server: DnsServer) -> None:
    assert looked(dns_server.resolver) == Missing()
    assert [name for name, _ in dns_server.asked] == [PLACE, DOMAIN]


def test_the_system_resolver_is_asked_where_none_is_set(
    monkeypatch: pytest.MonkeyPatch, dns_server: DnsServer
) -> None:
    dns_server.prove(DOMAIN, TOKEN)

    def read_resolv_conf(resolver: dns.resolver.Resolver, _file: object) -> None:
        resolver.nameservers, resolver.port = ["127.0.0.1"], dns_server.port

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", read_resolv_conf)
    assert looked("") == Proven()


def test_a_machine_without_a_resolver_says_nothing_of_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_resolv_conf(_resolver: dns.resolver.Resolver, _file: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", read_resolv_conf)
    assert looked("") == Unreachable("no_resolver")
