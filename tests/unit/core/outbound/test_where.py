"""Where the guarded way out leads: no address that is not public, however it is written (spec V8)."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messa_platform.core.destinations import Target, is_public, split
from messa_platform.core.outbound import (
    Fault,
    Outbound,
    OutboundSettings,
)
from tests.support.ways_out import LOCAL, STRICT, at, never, outcome

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
