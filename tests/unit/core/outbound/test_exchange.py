"""What the guarded way out asks, over which connection, and what it takes for an answer (spec V8)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from messa_platform.core.outbound import (
    Answer,
    Fault,
    NoAnswer,
    Outbound,
)
from tests.support.raw_server import answer, certified, raw_server, says
from tests.support.ways_out import LOCAL, STRICT, at, never, url_of


def test_a_second_answer_of_the_dns_changes_nothing() -> None:
    asked: list[str] = []
    opened: list[tuple[str, int]] = []

    def rebinds(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8"] if len(asked) == 1 else ["127.0.0.1"]

    def note(address: str, port: int, seconds: float) -> socket.socket:
        opened.append((address, port))
        raise ConnectionRefusedError

    refused = Outbound(STRICT, resolve=rebinds, connect=note).get("https://hook.example:8443/")
    assert refused == NoAnswer(Fault.UNREACHABLE)
    assert asked == ["hook.example"]
    assert opened == [("8.8.8.8", 8443)]


def test_once_connected_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = certified(tmp_path, "hook.example")
    with raw_server(answer(), made.server) as server:
        monkeypatch.setattr(socket, "getaddrinfo", never)
        outbound = Outbound(LOCAL, resolve=at("127.0.0.1"), context=made.client)
        assert outbound.get(f"https://hook.example:{server.port}/") == Answer(
            200, {"content-length": "3"}, b"hej"
        )
        assert f"Host: hook.example:{server.port}\r\n".encode() in server.requests[0]


def test_a_certificate_must_be_for_the_name_that_was_asked_for(tmp_path: Path) -> None:
    made = certified(tmp_path, "127.0.0.1", "other.example")
    with raw_server(answer(), made.server) as server:
        outbound = Outbound(LOCAL, resolve=at("127.0.0.1"), context=made.client)
        refused = outbound.get(f"https://hook.example:{server.port}/")
        assert refused == NoAnswer(Fault.BAD_CERTIFICATE)
        assert server.requests in ([], [b""])


def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    made = certified(tmp_path, "hook.example")
    with raw_server(answer(), made.server) as server:
        refused = Outbound(LOCAL, resolve=at("127.0.0.1")).get(f"https://hook.example:{server.port}/")
    assert refused == NoAnswer(Fault.BAD_CERTIFICATE)


def test_a_certificate_may_be_for_an_address(tmp_path: Path) -> None:
    made = certified(tmp_path, "127.0.0.1")
    with raw_server(answer(), made.server) as server:
        found = Outbound(LOCAL, context=made.client).get(f"https://127.0.0.1:{server.port}/")
    assert isinstance(found, Answer)


def test_what_speaks_no_tls_cannot_be_reached_by_https() -> None:
    with raw_server(says(b"220 mail.example ESMTP\r\n")) as server:
        refused = Outbound(LOCAL).get(f"https://127.0.0.1:{server.port}/")
    assert refused == NoAnswer(Fault.UNREACHABLE)


def test_a_question_is_asked_and_answered(local: Outbound) -> None:
    with raw_server(answer(b'{"a": 1}', "404 Not Found", "X-Trace: 7")) as server:
        found = local.get(url_of(server.port, "/a/b?c=d&e=å"), {"Accept": "application/json"})
    assert found == Answer(404, {"content-length": "8", "x-trace": "7"}, b'{"a": 1}')
    assert not found.ok
    head = server.requests[0].decode()
    assert head.startswith("GET /a/b?c=d&e=%C3%A5 HTTP/1.1\r\n")
    assert "Accept: application/json\r\n" in head
    assert f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert "User-Agent: messa\r\n" in head


@pytest.mark.parametrize(
    ("sent", "kind", "body"),
    [
        (
            {"form": {"code": "a b&c", "name": "Åsa"}},
            b"application/x-www-form-urlencoded",
            b"code=a+b%26c&name=%C3%85sa",
        ),
        ({"json_": {"name": "Åsa"}}, b"application/json", '{"name":"Åsa"}'.encode()),
        ({"body": b"as it is", "headers": {"Content-Type": "text/x"}}, b"text/x", b"as it is"),
    ],
)
def test_what_is_sent_arrives(local: Outbound, sent: dict[str, Any], kind: bytes, body: bytes) -> None:
    bodies: list[bytes] = []

    def behave(connection: socket.socket, request: bytes) -> None:
        head, _, rest = request.partition(b"\r\n\r\n")
        bodies.append(rest or connection.recv(1000))
        answer()(connection, head)

    with raw_server(behave) as server:
        found = local.post(url_of(server.port), **sent)
    assert isinstance(found, Answer)
    assert found.ok
    assert bodies == [body]
    assert b"Content-Type: " + kind + b"\r\n" in server.requests[0]


def test_a_header_cannot_smuggle_in_another(local: Outbound) -> None:
    with raw_server(answer()) as server, pytest.raises(ValueError, match="Invalid header value"):
        local.get(url_of(server.port), {"X-Name": "a\r\nX-Other: b"})


@pytest.mark.parametrize(
    "status",
    ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "304 Not Modified"],
)
def test_a_redirect_is_not_followed(local: Outbound, status: str) -> None:
    with raw_server(answer()) as inside:
        location = f"Location: http://127.0.0.1:{inside.port}/secrets"
        with raw_server(answer(b"", status, location)) as server:
            assert local.get(url_of(server.port)) == NoAnswer(Fault.REDIRECT, sent=True)
            assert local.post(url_of(server.port), json_={}) == NoAnswer(Fault.REDIRECT, sent=True)
    assert inside.connections == 0
