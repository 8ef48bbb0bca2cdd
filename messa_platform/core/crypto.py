"""The deployment's own keys: sealing what the database keeps, stamping what the browser keeps, and digests that need a secret.

Keys are rotated by putting a new one before the old ones: the first seals and stamps, all of them open. Each use has a key of its own, derived
from these (HKDF, RFC 5869), so that what was made for one purpose is worth nothing for another.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from messa_platform.core.clock import Clock, SystemClock
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.core.settings import WrongSettings, key

log = logger(__name__)


@dataclass(frozen=True)
class SecuritySettings:
    """The deployment's keys."""

    SECTION: ClassVar[str] = "security"
    keys: str = key(
        "",
        "Fernet keys, separated by spaces; the first seals, all of them open. Empty: those in security.key_file.",
        secret=True,
    )
    key_file: Path = key(
        Path("var/keys"),
        "The file of the keys, made at the first start; every process and machine of a deployment needs the same.",
    )

    def __post_init__(self) -> None:
        if fault := _fault(self.keys.split()):
            raise ValueError(f"security.keys: {fault}")


def _fault(words: Sequence[str]) -> str | None:
    """What is wrong with keys; it names their places and not them."""
    for place, word in enumerate(words, 1):
        try:
            Fernet(word)
        except ValueError:
            return f"key {place} of {len(words)} is no Fernet key, which is 32 bytes in URL-safe base64"
    return None


class Keys:
    """The keys at work. `words` are Fernet keys, the newest first; `clock` tells when something was stamped.

    Raises `ValueError` for a word that is no key, and if there is none at all.
    """

    def __init__(self, words: Sequence[str], clock: Clock | None = None) -> None:
        self._roots = [base64.urlsafe_b64decode(word) for word in words]
        self._sealing = MultiFernet([Fernet(word) for word in words])
        self._clock = clock or SystemClock()
        self._derived: dict[str, list[bytes]] = {}

    def seal(self, data: bytes) -> bytes:
        """Encrypt what the database is to keep."""
        return self._sealing.encrypt(data)

    def unseal(self, data: bytes) -> bytes | None:
        """What was sealed, with any of the keys; None if it was not, or not by us."""
        try:
            return self._sealing.decrypt(data)
        except InvalidToken:
            return None

    def stamp(self, purpose: str, payload: dict[str, Any]) -> str:
        """A word that nobody else can read or make, for an address or a form: `payload` (JSON) and the time now."""
        data = json.dumps(payload, separators=(",", ":")).encode()
        made = self._stamps(purpose).encrypt_at_time(data, int(self._clock.now().timestamp()))
        return made.decode().rstrip("=")

    def read_stamp(
        self, purpose: str, token: str, now: datetime, max_age: timedelta
    ) -> dict[str, Any] | None:
        """The payload of a stamp; None if it is none of ours, was made for another purpose, or is older than `max_age`."""
        padded = token + "=" * (-len(token) % 4)
        try:
            data = self._stamps(purpose).decrypt_at_time(
                padded.encode("ascii"), int(max_age.total_seconds()), int(now.timestamp())
            )
        except (InvalidToken, ValueError):  # ValueError: letters that are no ASCII
            return None
        payload: dict[str, Any] = json.loads(data)
        return payload

    def mac(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA256 of `data` by the newest key: a digest for what is too short to be safe behind a plain one."""
        return self.macs(purpose, data)[0]

    def macs(self, purpose: str, data: bytes) -> list[bytes]:
        """The same by each key, newest first: among them is the `mac` that was made before a rotation."""
        return [hmac.digest(k, data, hashlib.sha256) for k in self._keys_for(f"mac:{purpose}")]

    def _stamps(self, purpose: str) -> MultiFernet:
        return MultiFernet([Fernet(base64.urlsafe_b64encode(k)) for k in self._keys_for(f"stamp:{purpose}")])

    def _keys_for(self, use: str) -> list[bytes]:
        if use not in self._derived:
            info = f"messa {use}".encode()
            self._derived[use] = [
                HKDF(hashes.SHA256(), length=32, salt=None, info=info).derive(root) for root in self._roots
            ]
        return self._derived[use]


def open_keys(settings: SecuritySettings, clock: Clock | None = None) -> Keys:
    """The deployment's keys, from its settings or its file, which the first start makes. Raises `WrongSettings`."""
    words = settings.keys.split()
    if words:
        return Keys(words, clock)
    path = settings.key_file
    try:
        _make_file(path)
        words = path.read_text("ascii").split()
        mode = path.stat().st_mode
    except OSError as error:
        raise WrongSettings(f"security.key_file: {path} cannot be used: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongSettings(f"security.key_file: {path} holds something else than keys") from error
    fault = _fault(words) if words else "holds no key"
    if fault:
        raise WrongSettings(f"security.key_file: {path}: {fault}")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("key_file_open_to_others", path=str(path))
    return Keys(words, clock)


def _make_file(path: Path) -> None:
    """Make the file with a new key unless there is one; of processes that start at once, all find the same key in it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{new_id()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # a link appears with all that is in it, or not at all, and never in place of another's
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # what is sealed with the key must not outlive it
    finally:
        os.close(folder)
