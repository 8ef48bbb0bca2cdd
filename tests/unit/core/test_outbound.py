"""The guarded way out to addresses that tenants name (spec V8)."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messa_platform.core.destinations import Target, is_public, split
from messa_platform.core.outbound import (
    SENTENCES,
    Answer,
    Fault,
    NoAnswer,
    Outbound,
    OutboundSettings,
    look_up,
)
from tests.support.raw_server import answer, certified, drips, raw_server, says

LOCAL = OutboundSettings(allow_private=True, timeout=5.0, max_bytes=10_000)
STRICT = OutboundSettings(timeout=5.0)


def never(*_: Any) -> socket.socket:
    raise AssertionError("a connection was opened")


def at(*addresses: str) -> Callable[[str, int], list[str]]:
    """A resolver that knows these addresses of any name."""
    return lambda host, port: list(addresses)


def outcome(url: str, settings: OutboundSettings = STRICT, **parts: Any) -> Fault:
    """What keeps a request from leaving at all."""
    parts.setdefault("connect", never)
    refused = Outbound(settings, **parts).get(url)
    assert isinstance(refused, NoAnswer)
    assert not refused.sent
    return refused.fault


INTERNAL = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
    "::", "::1", "::2", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2001:10::1", "2001:20::1", "2002:7f00:1::1", "2002:a00:1::", "2002:808:808::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1",
    "fe80::1%eth0", "fec0::1%1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "11.0.0.1", "9.255.255.255", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1",
    "169.253.255.255", "169.255.0.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1", "198.17.255.255",
    "198.20.0.1", "223.255.255.255", "64:ff9b::8.8.8.8", "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00:1450:400f:80d::200e",
    "2003::1", "3ffe::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INTERNAL)
def test_a_name_that_leads_inside_is_refused_before_anything_is_opened(address: str) -> None:
    assert outcome("https://hook.example/", resolve=at(address)) is Fault.INTERNAL


@pytest.mark.parametrize("address", INTERNAL)
def test_one_bad_address_spoils_the_name(address: str) -> None:
    assert outcome("https://hook.example/", resolve=at("1.1.1.1", address)) is Fault.INTERNAL
    assert outcome("https://hook.example/", resolve=at(address, "1.1.1.1")) is Fault.INTERNAL


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_reached(address: str) -> None:
    target = Outbound(STRICT, resolve=at(address)).target("https://hook.example/in?a=b")
    assert target == Target(True, "hook.example", 443, "/in?a=b", (str(ipaddress.ip_address(address)),))


@settings(deadline=None)
@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_public_to_us(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    doubtful = address.is_private or address.is_multicast or address.is_reserved or address.is_link_local
    wrapped = isinstance(address, ipaddress.IPv6Address) and address in ipaddress.IPv6Network("64:ff9b::/96")
    assert not (is_public(address) and doubtful) or wrapped


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_address_is_as_public_wrapped_by_nat64_as_bare(address: ipaddress.IPv4Address) -> None:
    wrapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address))
    assert is_public(wrapped) == is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "0177.0.0.1", "2130706433", "017700000001", "127.0.0.1.", "0", "0.0.0.0",
        "localhost", "LOCALHOST", "localhost.", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "①②⑦.0.0.1",
        "127。0。0。1", "loc𝐚lhost", "169.254.169.254", "0xa9fea9fe", "[64:ff9b::7f00:1]", "[fe80::1]",
    ],
)  # fmt: skip
def test_other_ways_to_write_an_internal_address_change_nothing(host: str) -> None:
    assert outcome(f"https://{host}/") is Fault.INTERNAL


@pytest.mark.parametrize(
    "url",
    [
        "", "hook.example", "//hook.example/", "https://", "https:///path", "https:hook.example", "ftp://hook.example/", "file:///etc/passwd",
        "gopher://127.0.0.1:25/_HELO", "javascript:alert(1)", "data:text/plain,hej", "https://anna@hook.example/",
        "https://anna:hemligt@hook.example/", "https://@hook.example/", "https://1.1.1.1@127.0.0.1/", "https://hook.example:0/",
        "https://hook.example:65536/", "https://hook.example:-1/", "https://hook.example:80:80/", "https://hook.example:x/",
        "https://hook.example\\@127.0.0.1/", "https://hook.example /", "https://hook.exa\tmple/", "https://hook.example/\r\nX: y",
        "https://hook.example/\n", " https://hook.example/", "https://hook..example/", "https://.hook.example/", "https://hook.example../",
        "https://[::1", "https://::1/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[hook.example]/", "https://[v1.x]/",
        "https://%31%32%37.0.0.1/", "https://hook.example%00.se/", f"https://{'a' * 64}.example/", f"https://hook.example/{'a' * 2000}",
        "https://hook.example/<script>", "https://hook.example\u200b/ ", "https://\u202ehook.example/\x00",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(url: str) -> None:
    assert outcome(url, resolve=at("1.1.1.1")) is Fault.BAD_URL


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_the_parts_of_a_url_fail(text: str) -> None:
    for url in (text, f"https://{text}", f"https://[{text}]/", f"https://hook.example/{text}"):
        target = split(url)
        assert target is None or (
            target.host.isascii() and target.path.isascii() and target.path.startswith("/")
        )


def test_plain_http_is_refused_unless_it_is_allowed() -> None:
    assert outcome("http://hook.example/", resolve=at("1.1.1.1")) is Fault.NOT_HTTPS


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://hook.example/x", True),
        ("http://hook.example/x", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_a_url_is_looked_at_without_asking_anybody(url: str, allowed: bool) -> None:
    outbound = Outbound(STRICT, resolve=never, connect=never)  # type: ignore[arg-type]
    assert outbound.allows(url) is allowed


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1", "fec0::1", "::ffff:127.0.0.1"]
)
def test_development_reaches_private_networks_but_not_the_clouds_own(address: str) -> None:
    assert outcome("http://hook.example/", LOCAL, resolve=at(address)) is Fault.INTERNAL


def test_an_operator_can_close_more_networks() -> None:
    closed = (ipaddress.ip_network("8.8.8.0/24"), ipaddress.ip_network("2a00::/16"))
    for address in ("8.8.8.8", "64:ff9b::8.8.8.8", "2a00::1"):
        assert (
            outcome("https://a.example/", OutboundSettings(refused=closed), resolve=at(address))
            is Fault.INTERNAL
        )


def test_settings_that_make_no_sense_are_refused() -> None:
    for values in ({"timeout": 0}, {"timeout": 61}, {"max_bytes": 0}):
        with pytest.raises(ValueError, match=r"outbound\."):
            OutboundSettings(**values)  # type: ignore[arg-type]


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


@pytest.fixture
def local() -> Outbound:
    return Outbound(LOCAL)


def url_of(port: int, path: str = "/in") -> str:
    return f"http://127.0.0.1:{port}{path}"


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


def quick(seconds: float) -> OutboundSettings:
    return OutboundSettings(allow_private=True, timeout=seconds, max_bytes=10_000)


def says_nothing(connection: socket.socket, _request: bytes) -> None:
    connection.recv(1)


def takes_nothing(_connection: socket.socket, _request: bytes) -> None:
    threading.Event().wait(1)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"


@pytest.mark.parametrize(
    "behave",
    [
        says_nothing,
        drips(HEAD, 0.1),
        drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.01),
        lambda connection, _: (connection.sendall(HEAD), drips(b"x" * 9000, 0.1)(connection, _)),
    ],
    ids=["says-nothing", "drips-its-headers", "lets-us-go-on-for-ever", "drips-its-body"],
)  # fmt: skip
def test_a_slow_server_is_left(behave: Any) -> None:
    with raw_server(behave) as server:
        began = time.monotonic()
        assert Outbound(quick(0.5)).get(url_of(server.port)) == NoAnswer(Fault.TOO_SLOW, sent=True)
        assert 0.4 < time.monotonic() - began < 5


def test_a_request_may_be_given_less_time_than_the_settings_allow_but_not_more() -> None:
    with raw_server(says_nothing) as server:
        began = time.monotonic()
        Outbound(quick(5)).get(url_of(server.port), seconds=0.2)
        Outbound(quick(0.2)).get(url_of(server.port), seconds=5)
        assert time.monotonic() - began < 5


def test_a_slow_handshake_is_left() -> None:
    with raw_server(says_nothing) as server:
        found = Outbound(quick(0.3)).get(f"https://127.0.0.1:{server.port}/")
    assert found == NoAnswer(Fault.TOO_SLOW)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_slow_name_server_is_left(released: threading.Event) -> None:
    def slow(host: str, port: int) -> list[str]:
        released.wait(20)
        return ["1.1.1.1"]

    began = time.monotonic()
    assert outcome("https://hook.example/", quick(0.2), resolve=slow) is Fault.TOO_SLOW
    assert time.monotonic() - began < 5


def test_who_does_not_take_what_is_sent_is_left() -> None:
    with raw_server(takes_nothing) as server:
        found = Outbound(quick(0.3)).post(url_of(server.port), body=b"x" * 50_000_000)
    assert found == NoAnswer(Fault.TOO_SLOW, sent=True)


def chunks(size: int) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"a\r\n0123456789\r\n" * (size // 10)
        + b"0\r\n\r\n"
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n" + b"x" * 10_001,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000,
        chunks(10_010),
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 2000) for i in range(90)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 60_000 + b"\r\n" + b"x\r\n2;" + b"y" * 60_000,
    ],
    ids=["announced", "endless", "in-chunks", "in-headers", "in-extensions-of-chunks"],
)  # fmt: skip
def test_a_huge_answer_is_cut(local: Outbound, raw: bytes) -> None:
    with raw_server(says(raw)) as server:
        assert local.get(url_of(server.port)) == NoAnswer(Fault.TOO_LARGE, sent=True)


@pytest.mark.parametrize(
    "raw", [b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000, chunks(10_000)]
)
def test_an_answer_may_be_as_large_as_the_settings_say(local: Outbound, raw: bytes) -> None:
    with raw_server(says(raw)) as server:
        found = local.get(url_of(server.port))
    assert isinstance(found, Answer)
    assert len(found.body) == 10_000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
    ids=["nothing", "no-http", "no-status", "cut-off", "no-chunk", "cut-off-in-a-chunk", "too-many-headers"],
)
def test_what_is_no_whole_answer_is_none(local: Outbound, raw: bytes) -> None:
    with raw_server(says(raw)) as server:
        assert local.get(url_of(server.port)) == NoAnswer(Fault.BROKEN, sent=True)


def test_a_server_that_is_down_is_told_from_one_that_broke_off(local: Outbound) -> None:
    with raw_server(answer()) as server:
        pass
    assert local.get(url_of(server.port)) == NoAnswer(Fault.UNREACHABLE)


def test_a_name_that_does_not_exist_is_told() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert outcome("https://hook.example/", resolve=unknown) is Fault.UNKNOWN_HOST
    assert outcome("https://hook.example/", resolve=at()) is Fault.UNKNOWN_HOST


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with raw_server(answer()) as server:
        found = Outbound(LOCAL, resolve=at("127.0.0.2", "::1", "127.0.0.1")).get(
            f"http://a.example:{server.port}/"
        )
    assert isinstance(found, Answer)


def test_addresses_share_the_time_there_is() -> None:
    given_: list[float] = []

    def silent(address: str, port: int, seconds: float) -> socket.socket:
        given_.append(seconds)
        raise TimeoutError

    refused = Outbound(quick(5), resolve=at(*["1.1.1.1"] * 9), connect=silent).get("https://a.example/")
    assert refused == NoAnswer(Fault.UNREACHABLE)
    assert [round(seconds, 1) for seconds in given_] == [1.2, 1.7, 2.5, 5.0]


def test_the_systems_resolver_gives_each_address_once() -> None:
    assert look_up("127.0.0.1", 80) == ["127.0.0.1"]
    assert look_up("127.1", 80) == ["127.0.0.1"]


def test_proxies_of_the_environment_are_not_used(local: Outbound, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(answer()) as server, raw_server(answer()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        local.get(url_of(server.port))
    assert (server.connections, proxy.connections) == (1, 0)


def test_every_fault_has_its_sentence() -> None:
    assert SENTENCES.keys() == set(Fault)
    assert NoAnswer(Fault.INTERNAL).sentence == "The address leads into an internal network."


def test_many_threads_may_ask_at_once(local: Outbound) -> None:
    found: list[Any] = []
    with raw_server(answer()) as server:
        threads = [
            threading.Thread(target=lambda: found.append(local.get(url_of(server.port)))) for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert found == [Answer(200, {"content-length": "3"}, b"hej")] * 16
