"""Connections that are held (`dial`): where they may lead, for tenants' channels and for the platform's own (spec V8)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence

import pytest

from messa_platform.core.async_outbound import AsyncOutbound
from messa_platform.core.outbound import Fault, NoAnswer, Outbound, OutboundSettings

OWN = (ipaddress.ip_network("127.0.0.0/8"),)
STRICT = OutboundSettings(timeout=2.0)
KNOWN = {
    "inside.example": ["10.0.0.7"],
    "half.example": ["93.184.216.34", "127.0.0.1"],
    "other-half.example": ["127.0.0.1", "93.184.216.34"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "cloud.example": ["169.254.169.254"],
    "outside.example": ["93.184.216.34"],
    "gateway.lan": ["127.0.0.1"],
    "none.example": [],
}


def resolve(host: str, _port: int) -> Sequence[str]:
    if host in KNOWN:
        return KNOWN[host]
    raise socket.gaierror(socket.EAI_NONAME, "unknown")


class Counted(asyncio.Protocol):
    """Counts connections."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Counted.made += 1
        transport.close()


def dial(
    outbound: Outbound, host: str, port: int | None = None, *, secure: bool = False
) -> tuple[NoAnswer | None, int]:
    """What comes of dialling a server of this machine's by a name, and how many connections it got."""

    async def work() -> tuple[NoAnswer | None, int]:
        got: list[int] = []

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(1)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        http = AsyncOutbound(outbound)
        there = server.sockets[0].getsockname()[1]
        try:
            found = await http.dial(Counted, host, port or there, secure=secure)
            await asyncio.sleep(0.05)
            return found, len(got)
        finally:
            await http.close()
            server.close()

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("host", "port", "fault"),
    [
        ("inside.example", 2775, Fault.INTERNAL),
        ("half.example", 2775, Fault.INTERNAL),
        ("other-half.example", 2775, Fault.INTERNAL),
        ("mapped.example", 2775, Fault.INTERNAL),
        ("cloud.example", 3550, Fault.INTERNAL),
        ("nobody.example", 2775, Fault.UNKNOWN_HOST),
        ("none.example", 2775, Fault.UNKNOWN_HOST),
        ("outside.example", 22, Fault.PORT),
        ("outside.example", 443, Fault.PORT),
        ("gateway.lan", None, Fault.PORT),
    ],
)
def test_a_tenant_s_session_leads_into_no_network_of_ours_and_to_no_other_port(
    host: str, port: int | None, fault: Fault
) -> None:
    assert dial(Outbound(STRICT, resolve=resolve), host, port) == (NoAnswer(fault), 0)


def test_an_address_is_no_way_around_the_guard() -> None:
    for address in ("127.0.0.1", "::1", "169.254.169.254", "0.0.0.0", "0x7f000001"):
        found, got = dial(Outbound(STRICT), address, 2775)
        assert isinstance(found, NoAnswer)
        assert found.fault in (Fault.INTERNAL, Fault.UNKNOWN_HOST, Fault.UNREACHABLE)
        assert got == 0


def test_the_port_is_refused_before_anybody_is_asked_for_the_name() -> None:
    asked: list[str] = []

    def ask(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34"]

    assert dial(Outbound(STRICT, resolve=ask), "outside.example", 25)[0] == NoAnswer(Fault.PORT)
    assert asked == []


@pytest.mark.parametrize("host", ["gateway.lan"])
def test_the_platform_s_own_reaches_its_networks_on_any_port(host: str) -> None:
    own = Outbound(STRICT, resolve=resolve, admitted=OWN, every_port=True)
    assert dial(own, host) == (None, 1)


@pytest.mark.parametrize("host", ["inside.example", "half.example", "other-half.example", "cloud.example"])
def test_networks_that_were_not_admitted_are_refused_to_the_platform_too(host: str) -> None:
    admitted = (ipaddress.ip_network("192.168.7.0/24"),)
    own = Outbound(STRICT, resolve=resolve, admitted=admitted, every_port=True)
    assert dial(own, host) == (NoAnswer(Fault.INTERNAL), 0)


def test_for_development_everything_may_be_reached() -> None:
    assert dial(
        Outbound(OutboundSettings(allow_private=True, timeout=2), resolve=resolve), "gateway.lan"
    ) == (None, 1)


def test_a_second_answer_of_the_dns_changes_nothing() -> None:
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    def rebinding(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    own = Outbound(STRICT, resolve=rebinding, admitted=OWN, every_port=True)
    assert dial(own, "gateway.lan") == (None, 1)
    assert answers == [["10.0.0.1"]]


def test_a_port_where_nobody_is_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    own = Outbound(STRICT, resolve=resolve, admitted=OWN, every_port=True)
    assert dial(own, "gateway.lan", port) == (NoAnswer(Fault.UNREACHABLE), 0)


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    two: Callable[[str, int], Sequence[str]] = lambda _host, _port: ["127.0.0.9", "127.0.0.1"]  # noqa: E731
    own = Outbound(STRICT, resolve=two, admitted=OWN, every_port=True)
    assert dial(own, "gateway.lan") == (None, 1)


def test_whoever_speaks_no_tls_is_not_spoken_to() -> None:
    own = Outbound(STRICT, resolve=resolve, admitted=OWN, every_port=True)
    before = Counted.made
    found, _ = dial(own, "gateway.lan", secure=True)
    assert found == NoAnswer(Fault.UNREACHABLE)
    assert Counted.made == before
