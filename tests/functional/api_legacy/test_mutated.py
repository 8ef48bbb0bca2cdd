"""Requests that no manual foresaw: 5,000 made from good ones by damage, none of which may be answered with a 5xx; and what else may happen."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.web_server import WebServer
from messa_platform.runtime import Runtime
from messa_platform.tenants.api_users import keys
from tests.functional.api_legacy.conftest import HOST, Client, speak
from tests.functional.api_legacy.test_recorded import PARTS, QUERIES, XML
from tests.support.visitors import a_runtime, nowhere, web

MUTATIONS = 5_000
SEED = 20261127
BITS = [
    b"%", b"%2", b"%zz", b"%00", b"%u", b"%uD83D", b"%u00e5", b"&", b"&&", b"=", b"==", b"+", b";", b"\x00", b"\xff", b"\xc3", b"%C3%28",
    b"api_user", b"api_sess=", b"phone_number=", b"message=", b"id=", b"id=5906&", b"[]", b"<x>", b'"', b"'", b"\\", b"\r\n", b"%0d%0a",
    b"%F0%9F%98%80", b"%EF%BF%BF", b"A" * 300, b"9" * 40, b"--", b"multipart", b"boundary=",
    b"Content-Disposition: form-data; name=\"id\"\r\n\r\n",
]  # fmt: skip
TYPES = [
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=iso-8859-1", "text/plain", "application/json",
    "multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="', "multipart/form-data; boundary=x y", "\xe5", "",
]  # fmt: skip


def damaged(chance: random.Random, good: bytes) -> bytes:
    """A request's parameters after some accidents."""
    made = bytearray(good)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(5):
            case 0:
                made[at:at] = chance.choice(BITS)
            case 1:
                del made[at : at + chance.randint(1, 12)]
            case 2:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                made[at:at] = made[: chance.randint(0, 60)]
            case 4:
                made = made[:at] + made[at:][::-1] if chance.random() < 0.2 else made[at:] + made[:at]
    return bytes(made)


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """Without limits of how often one may ask."""
    unlimited = {
        "rate.key_rate": "1e6", "rate.key_burst": "1000000", "rate.tenant_rate": "1e6", "rate.tenant_burst": "1000000",
        "rate.stranger_rate": "1e6", "rate.stranger_burst": "1000000",
    }  # fmt: skip
    with a_runtime(database_url, tmp_path / "key", clock, **unlimited) as made:
        yield made


def test_damaged_requests_are_answered_in_the_manuals_words_and_never_with_a_5xx(client: Client) -> None:
    chance = random.Random(SEED)
    good = [q.replace("{key}", client.key).encode("latin-1") for q in QUERIES.values()]
    good.append(f"api_user={client.key}&id=d439385d-6312-4752-8fc8-1f0334f6d6f7".encode())
    parts = PARTS.replace(b"{key}", client.key.encode())
    statuses: dict[int, int] = {}
    for number in range(MUTATIONS):
        content_type = chance.choice(TYPES)
        made = damaged(chance, parts if "multipart" in content_type else chance.choice(good))
        if number % 2:
            lines = [b"POST /data_db/api.aspx HTTP/1.1", f"Content-Length: {len(made)}".encode()]
            lines += [f"Content-Type: {content_type}".encode("latin-1")] if content_type else []
            body = made
        else:
            escaped = b"".join(bytes([c]) if 32 < c < 127 else b"%%%02x" % c for c in made)
            lines, body = [b"GET /data_db/api.aspx?" + escaped + b" HTTP/1.1"], b""
        head = b"\r\n".join([*lines, f"Host: {HOST}".encode(), b"Connection: close", b"", b""])
        answer = speak(client.port, head + body)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        assert answer.status < 500, (number, head + body, answer)
        if answer.status == 200:
            assert answer.body.startswith(XML), (number, answer)
            root = ElementTree.fromstring(answer.body)
            assert (root.tag, set(root.attrib)) in (
                ("send_sms", {"status", "code", "id"}),
                ("last_info", {"id", "value"}),
            )
    assert statuses[200] > 0.97 * MUTATIONS, statuses


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_another_method_sends_nothing(client: Client, method: str) -> None:
    target = "/data_db/api.aspx?" + QUERIES["upper case escapes"].replace("{key}", client.key)
    raw = f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    answer = speak(client.port, raw.encode())
    assert (answer.status, answer.headers["allow"], client.count()) == (405, "GET, POST", 0)


def test_who_asks_too_often_is_told_when_to_come_back_and_nothing_is_sent(
    client: Client, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    limits = {
        "rate.key_rate": "0.5",
        "rate.key_burst": "3",
        "rate.stranger_rate": "0.5",
        "rate.stranger_burst": "2",
    }
    with a_runtime(database_url, tmp_path / "other-key", clock, **limits) as slow:
        server = WebServer(web(slow), HOST, 0, 2)
        server.start()
        client.port = server.port
        answers = [
            client.get(f"api_user={{key}}&phone_number=%2b46701234567&message=Hej{n}") for n in range(4)
        ]
        strangers = [client.get("api_user=NOBODY&phone_number=%2b46701234567&message=Hej") for n in range(3)]
        server.close()
    assert [a.status for a in answers] == [200, 200, 200, 429]
    assert [a.headers["ratelimit"].partition(";t")[0] for a in answers] == [
        f'"key";r={n}' for n in (2, 1, 0, 0)
    ]
    assert answers[3].headers["retry-after"] == "2"
    assert answers[3].body == XML + b'<send_sms status="0" code="rate_limited" id=""></send_sms>'
    assert [a.status for a in strangers] == [200, 200, 429]
    assert client.count() == 3


def test_a_database_that_is_away_is_told_as_503_and_the_client_may_come_again(
    client: Client, tmp_path: Path, clock: FixedClock
) -> None:
    with a_runtime(nowhere(), tmp_path / "other-key", clock) as cut_off:
        server = WebServer(web(cut_off), HOST, 0, 2)
        server.start()
        client.port = server.port
        answer = client.get(QUERIES["upper case escapes"])
        server.close()
    assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    assert answer.body == XML + b'<send_sms status="0" code="unavailable" id=""></send_sms>'


def test_twenty_clients_with_one_key_at_once_are_each_answered_and_the_quota_holds(client: Client) -> None:
    client.world.group_quota(client.school, 7, 1)
    bodies: list[bytes] = []

    def send(number: int) -> None:
        bodies.append(client.get(f"api_user={{key}}&phone_number=%2b4670123{number:04}&message=Larm").body)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(b'status="1" code="ok"' in body for body in bodies) == 7
    assert sum(b'code="no_sms_left:Group:Skolan"' in body for body in bodies) == 13


def test_a_rotated_key_works_until_its_overlap_is_over(client: Client, clock: FixedClock) -> None:
    held = client.ring.keys_of(client.user.id)[0]
    client.ring.change(keys.rotate, client.school, client.user.id, held.id, timedelta(hours=1))
    for minutes, code in ((0, b'code="ok"'), (59, b'code="ok"'), (60, b'code="invalid_api_user"')):
        clock.at = clock.at.replace(minute=0) + timedelta(minutes=minutes)
        assert code in client.get(f"api_user={{key}}&phone_number=%2b46701234567&message={minutes}").body
        clock.at -= timedelta(minutes=minutes)


def test_no_key_stands_in_a_log(
    client: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    client.get(QUERIES["upper case escapes"])
    client.get("api_user={key}&phone_number=%00&message=Hej")
    client.post(b"api_user={key}&phone_number=1&message=%C3")
    out, err = capfd.readouterr()
    assert client.key not in out + err + caplog.text
    assert "messages_stored" in out + err + caplog.text
