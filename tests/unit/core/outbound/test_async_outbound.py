"""The guarded way out for code in an event loop (core/async_outbound.py), against real servers on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from messa_platform.core.async_outbound import AsyncOutbound
from messa_platform.core.outbound import Answer, Fault, NoAnswer, Outbound, OutboundSettings

OWN = (ipaddress.ip_network("127.0.0.0/8"),)
PRIVATE = OutboundSettings(allow_private=True, timeout=2.0, max_bytes=10_000)


class Server:
    """Counts connections and requests."""

    def __init__(self) -> None:
        self.peers: set[Any] = set()
        self.asked: list[str] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.peers.add(request.transport and request.transport.get_extra_info("peername"))
        self.asked.append(
            f"{request.method} {request.host} {request.path_qs} {(await request.read()).decode()}"
        )
        match request.path:
            case "/elsewhere":
                return web.Response(status=302, headers={"Location": "/reached"})
            case "/large":
                return web.Response(body=b"x" * 20_000)
            case "/slow":
                await asyncio.sleep(30)
        return web.json_response({"ok": True}, headers={"X-Told": "yes"})


def run(outbound: Outbound, work: Callable[[AsyncOutbound, Server], Awaitable[Any]]) -> tuple[Any, Server]:
    """What comes of `work`, with a server that it may ask."""

    async def all_of_it() -> tuple[Any, Server]:
        server = Server()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", server.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.port = runner.addresses[0][1]
        http = AsyncOutbound(outbound)
        try:
            return await work(http, server), server
        finally:
            await http.close()
            await runner.cleanup()

    return asyncio.run(all_of_it())


def names(**known: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """A resolver that knows these hosts, and takes an address for what it is, as the system's does."""

    def resolve(host: str, _port: int) -> Sequence[str]:
        with contextlib.suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        if (found := known.get(host.partition(".")[0])) is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return found

    return resolve


def test_what_was_asked_is_answered_and_the_connection_is_kept() -> None:
    async def work(http: AsyncOutbound, server: Server) -> list[Answer | NoAnswer]:
        base = f"http://127.0.0.1:{server.port}"
        return [
            await http.request("GET", f"{base}/a", query={"q": "å&b"}),
            await http.request("POST", f"{base}/b", form={"text": "å b"}, user=("anna", "hemligt:åäö")),
            await http.request("POST", f"{base}/c", json={"text": "å"}),
        ]

    answers, server = run(Outbound(PRIVATE), work)
    assert [(a.status, a.headers["x-told"], a.body) for a in answers] == [(200, "yes", b'{"ok": true}')] * 3
    host = f"127.0.0.1:{server.port}"
    assert server.asked == [
        f"GET {host} /a?q=%C3%A5%26b ",
        f"POST {host} /b text=%C3%A5+b",
        f'POST {host} /c {{"text":"å"}}',
    ]
    assert len(server.peers) == 1


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://example.com/", Fault.NOT_HTTPS),
        ("https://127.0.0.1/", Fault.INTERNAL),
        ("https://[::ffff:10.0.0.1]/", Fault.INTERNAL),
        ("https://169.254.169.254/latest", Fault.INTERNAL),
        ("https://inside.example/", Fault.INTERNAL),
        ("https://half.example/", Fault.INTERNAL),
        ("https://nobody.example/", Fault.UNKNOWN_HOST),
        ("https://outside.example:22/", Fault.PORT),
        ("https://0x7f000001/", Fault.UNKNOWN_HOST),
        ("ftp://example.com/", Fault.BAD_URL),
        ("https://anna:hemligt@example.com/", Fault.BAD_URL),
    ],
)
def test_nobody_is_led_into_our_network(url: str, fault: Fault) -> None:
    resolve = names(inside=["10.0.0.7"], half=["93.184.216.34", "127.0.0.1"], outside=["93.184.216.34"])
    found, server = run(
        Outbound(OutboundSettings(), resolve=resolve), lambda http, _: http.request("GET", url)
    )
    assert found == NoAnswer(fault)
    assert server.asked == []


def test_a_network_of_the_operator_s_own_may_be_reached_by_name_without_tls_on_any_port() -> None:
    outbound = Outbound(OutboundSettings(timeout=2.0), resolve=names(kannel=["127.0.0.1"]), admitted=OWN)
    found, server = run(outbound, lambda http, s: http.request("GET", f"http://kannel.lan:{s.port}/send"))
    assert isinstance(found, Answer)
    assert server.asked == [f"GET kannel.lan:{server.port} /send "]


@pytest.mark.parametrize(
    "url", ["http://outside.example/", "https://mixed.example/", "http://93.184.216.34/"]
)
def test_nothing_else_is_let_in_by_that(url: str) -> None:
    resolve = names(outside=["93.184.216.34"], mixed=["127.0.0.1", "10.0.0.1"])
    outbound = Outbound(OutboundSettings(), resolve=resolve, admitted=OWN)
    found, _ = run(outbound, lambda http, _: http.request("GET", url))
    assert isinstance(found, NoAnswer)
    assert found.fault in (Fault.NOT_HTTPS, Fault.INTERNAL)
    assert not found.sent


def test_a_second_answer_of_the_dns_changes_nothing() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async def work(http: AsyncOutbound, server: Server) -> list[Answer | NoAnswer]:
        url = f"http://kannel.lan:{server.port}/"
        return [await http.request("GET", url), await http.request("GET", url)]

    answers, _ = run(Outbound(OutboundSettings(timeout=2.0), resolve=rebinding, admitted=OWN), work)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert asked == ["kannel.lan"]  # the connection that was checked is used again


@pytest.mark.parametrize(
    ("path", "fault"),
    [("elsewhere", Fault.REDIRECT), ("large", Fault.TOO_LARGE), ("slow", Fault.TOO_SLOW)],
)
def test_limits_hold_and_what_was_sent_is_told(path: str, fault: Fault) -> None:
    found, server = run(
        Outbound(PRIVATE),
        lambda http, s: http.request("POST", f"http://127.0.0.1:{s.port}/{path}", form={"a": "b"}),
    )
    assert found == NoAnswer(fault, sent=True)
    assert len(server.asked) == 1


def test_nobody_there_means_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    found, _ = run(
        Outbound(PRIVATE), lambda http, _: http.request("POST", f"http://127.0.0.1:{port}/", form={"a": "b"})
    )
    assert found == NoAnswer(Fault.UNREACHABLE)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_breaks_off_on_a_kept_connection_is_not_asked_again(method: str) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            asked.append(head.split()[1])
            if head.split()[1] == b"/second":
                break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        writer.close()

    async def work() -> list[Answer | NoAnswer]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        http = AsyncOutbound(Outbound(PRIVATE))
        answers = [await http.request(method, f"{base}/{path}") for path in ("first", "second")]
        await http.close()
        server.close()
        return answers

    first, second = asyncio.run(work())
    assert isinstance(first, Answer)
    assert second == NoAnswer(Fault.BROKEN, sent=True)
    assert asked == [b"/first", b"/second"]
