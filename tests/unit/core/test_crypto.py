"""The deployment's keys: what they seal, stamp and digest, and how they are rotated; and networks of addresses."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.client import binding_of, network_of
from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys, SecuritySettings, open_keys
from messa_platform.core.settings import WrongSettings, load
from tests.support.observe import together

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def new_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def clock() -> FixedClock:
    """Noon."""
    return FixedClock(NOON)


@pytest.fixture
def keys(clock: FixedClock) -> Keys:
    """A deployment's one key."""
    return Keys([new_key()], clock)


@given(st.binary(max_size=200))
def test_what_is_sealed_can_be_unsealed_and_cannot_be_read(data: bytes) -> None:
    keys = Keys([new_key()])
    sealed = keys.seal(data)
    assert keys.unseal(sealed) == data
    assert len(data) < 12 or data not in sealed
    assert keys.seal(data) != sealed


@pytest.mark.parametrize(
    "change", [lambda s: s[:-4] + b"AAA=", lambda s: b"", lambda s: b"\xff\x00", lambda s: s[:40]]
)
def test_what_was_not_sealed_by_us_gives_nothing(keys: Keys, change: Callable[[bytes], bytes]) -> None:
    assert keys.unseal(change(keys.seal(b"hemligt"))) is None
    assert Keys([new_key()]).unseal(keys.seal(b"hemligt")) is None


def test_after_a_rotation_the_old_keys_work_stands_and_the_new_one_does_the_rest(clock: FixedClock) -> None:
    old, new = new_key(), new_key()
    before, after = Keys([old], clock), Keys([new, old], clock)
    assert after.unseal(before.seal(b"hemligt")) == b"hemligt"
    assert after.read_stamp("form", before.stamp("form", {"a": 1}), NOON, HOUR) == {"a": 1}
    assert before.mac("code", b"x") in after.macs("code", b"x")
    # what is made from now on no longer needs the old key
    alone = Keys([new], clock)
    assert alone.unseal(after.seal(b"hemligt")) == b"hemligt"
    assert alone.read_stamp("form", after.stamp("form", {"a": 1}), NOON, HOUR) == {"a": 1}
    assert alone.mac("code", b"x") == after.mac("code", b"x") == after.macs("code", b"x")[0]
    assert alone.unseal(before.seal(b"hemligt")) is None


def test_a_stamp_gives_back_what_was_stamped_and_shows_none_of_it(keys: Keys) -> None:
    payload = {"account": "0199-åäö", "remember": True, "next": None}
    stamp = keys.stamp("code", payload)
    assert keys.read_stamp("code", stamp, NOON, HOUR) == payload
    assert set(stamp) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert keys.stamp("code", payload) != stamp


def test_a_stamp_lives_as_long_as_its_reader_says(keys: Keys, clock: FixedClock) -> None:
    stamp = keys.stamp("code", {"a": 1})
    assert keys.read_stamp("code", stamp, NOON + HOUR, HOUR) == {"a": 1}
    assert keys.read_stamp("code", stamp, NOON + HOUR + timedelta(seconds=1), HOUR) is None
    clock.move(HOUR)
    assert keys.read_stamp("code", keys.stamp("code", {"a": 2}), NOON + 2 * HOUR, HOUR) == {"a": 2}


def test_a_stamp_from_a_machine_whose_clock_is_far_ahead_is_refused(keys: Keys) -> None:
    assert keys.read_stamp("code", keys.stamp("code", {"a": 1}), NOON - timedelta(minutes=2), HOUR) is None


def test_a_stamp_for_one_purpose_is_worth_nothing_for_another(keys: Keys) -> None:
    assert keys.read_stamp("sso", keys.stamp("code", {"a": 1}), NOON, HOUR) is None
    assert keys.unseal(keys.stamp("code", {"a": 1}).encode()) is None
    assert keys.read_stamp("code", keys.seal(b'{"a":1}').decode(), NOON, HOUR) is None


@pytest.mark.parametrize(
    "word", ["", "a", "gAAAAA", "åäö", "\udcff", "=" * 7, "A" * 5000, "../../etc", "\x00"]
)
def test_what_is_no_stamp_is_refused_quietly(keys: Keys, word: str) -> None:
    assert keys.read_stamp("code", word, NOON, HOUR) is None


def test_a_stamp_that_was_touched_is_refused(keys: Keys) -> None:
    stamp = keys.stamp("code", {"a": 1})
    for place in range(12, len(stamp), 7):
        touched = stamp[:place] + ("A" if stamp[place] != "A" else "B") + stamp[place + 1 :]
        assert keys.read_stamp("code", touched, NOON, HOUR) is None


def test_a_digest_hangs_on_the_key_the_purpose_and_the_data(keys: Keys) -> None:
    digests = {
        keys.mac("a", b"x"),
        keys.mac("b", b"x"),
        keys.mac("a", b"y"),
        Keys([new_key()]).mac("a", b"x"),
        hashlib.sha256(b"x").digest(),
    }
    assert len(digests) == 5
    assert keys.mac("a", b"x") == keys.mac("a", b"x")
    assert len(keys.mac("a", b"x")) == 32


def settings(tmp_path: Path, words: str = "") -> SecuritySettings:
    values = {"security.key_file": str(tmp_path / "var" / "keys")}
    return load([SecuritySettings], values, {"MESSA_SECURITY_KEYS": words})[SecuritySettings]


def test_keys_come_from_the_environment_and_no_file_is_made(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    keys = open_keys(settings(tmp_path, f" {new}\n{old} "))
    assert keys.unseal(Keys([old]).seal(b"hemligt")) == b"hemligt"
    assert Keys([new]).unseal(keys.seal(b"hemligt")) == b"hemligt"
    assert list(tmp_path.iterdir()) == []


def test_without_keys_the_first_start_makes_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    sealed = open_keys(settings(tmp_path)).seal(b"hemligt")
    path = tmp_path / "var" / "keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["keys"]
    assert open_keys(settings(tmp_path)).unseal(sealed) == b"hemligt"


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    opened = together([lambda: open_keys(settings(tmp_path)) for _ in range(12)])
    sealed = opened[0].seal(b"hemligt")
    assert [keys.unseal(sealed) for keys in opened] == [b"hemligt"] * 12
    assert [p.name for p in (tmp_path / "var").iterdir()] == ["keys"]


def test_a_key_is_rotated_by_a_line_above_the_old_one(tmp_path: Path) -> None:
    sealed = open_keys(settings(tmp_path)).seal(b"hemligt")
    path, new = tmp_path / "var" / "keys", new_key()
    path.write_text(f"{new}\n{path.read_text()}")
    keys = open_keys(settings(tmp_path))
    assert keys.unseal(sealed) == b"hemligt"
    assert Keys([new]).unseal(keys.seal(b"nytt")) == b"nytt"


@pytest.mark.parametrize("broken", ["kort", "A" * 43, "åäö", "-" * 60])
def test_a_broken_key_stops_the_start_and_is_not_repeated(tmp_path: Path, broken: str) -> None:
    with pytest.raises(WrongSettings, match=r"^security\.keys: key 2 of 2 is no Fernet key") as caught:
        settings(tmp_path, f"{new_key()} {broken}")
    assert broken not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no key"),
        (b"kort\n", "key 1 of 1 is no Fernet key"),
        (b"\xff\xfe", "holds something else"),
    ],
)
def test_a_broken_key_file_stops_the_start(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "var" / "keys"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(WrongSettings, match=rf"^security\.key_file: .*{says}"):
        open_keys(settings(tmp_path))
    assert path.read_bytes() == content


def test_a_key_file_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("no folder")
    with pytest.raises(WrongSettings, match=r"^security\.key_file: .*cannot be used: "):
        open_keys(settings(tmp_path))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        (" 192.0.2.7 ", "192.0.2.0/24"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("2001:DB8:0:1::9", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("::1", "::/64"),
        ("", ""),
        ("unix:", "unix:"),
        ("192.0.2", "192.0.2"),
    ],
)
def test_an_addresss_network_is_what_its_provider_moves_it_about_in(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_binding_is_the_browsers_name_and_its_network() -> None:
    binding = binding_of("Firefox/140", "192.0.2.7")
    assert binding == binding_of("Firefox/140", "192.0.2.99")
    assert len(binding) == 32
    others = {
        binding_of("Firefox/141", "192.0.2.7"),
        binding_of("Firefox/140", "192.0.3.7"),
        binding_of("", "192.0.2.7"),
        binding_of("Firefox/140192.0.2.0/24", ""),
        binding_of("\udcff", "192.0.2.7"),
    }
    assert len(others | {binding}) == 6
