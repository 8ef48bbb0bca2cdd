"""Channels of several plugins with their fakes, an account that may receive, and texts of it that were sent: what callbacks speak of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from messa_platform.core.bulk import copy_rows
from messa_platform.core.crypto import Keys
from messa_platform.core.ids import new_id
from messa_platform.core.segments import Encoding
from messa_platform.messaging.models import Door
from messa_platform.messaging.outcomes import REFERENCE
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import MESSAGE
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.elks.fake import ElksFake
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.jasmin.fake import JasminFake
from messa_platform.providers.jasmin.plugin import JasminProvider
from messa_platform.providers.kit.fake import CALLBACKS, Delivery, Fake, Taken
from messa_platform.providers.secrets import divide
from messa_platform.providers.sinch.fake import SinchFake
from messa_platform.providers.sinch.plugin import SinchProvider
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.world import World

PLUGINS: tuple[tuple[type[Any], type[Fake]], ...] = (
    (ElksProvider, ElksFake),
    (SinchProvider, SinchFake),
    (JasminProvider, JasminFake),
)
"""Two whose addresses have a key, and one that signs its callbacks; none of them signs the address, so that it may be any."""


@dataclass(frozen=True)
class Line:
    """A channel, with the provider's fake at its other end."""

    channel_id: UUID
    fake: Fake

    def path(self, callback: Callback) -> str:
        """Where a callback of the fake's goes."""
        parts = urlsplit(callback.url)
        path = parts.path.replace(urlsplit(CALLBACKS).path, f"/providers/{self.channel_id}")
        return f"{path}?{parts.query}" if parts.query else path

    def wire(self, callback: Callback) -> bytes:
        """A callback as it goes over a connection that is kept."""
        headers = {"host": "127.0.0.1", **callback.headers, "content-length": str(len(callback.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{callback.method} {self.path(callback)} HTTP/1.1\r\n{head}\r\n".encode() + callback.body

    def receipts(self, taken: Taken, status: ReceiptStatus = ReceiptStatus.DELIVERED) -> list[Callback]:
        """What the provider says of a text."""
        word = next(word for word, meant in self.fake.words.items() if meant is status)
        return callbacks(self.fake.receipts(taken, word))


def callbacks(brought: Sequence[Callback | Delivery]) -> list[Callback]:
    """What a provider brings by callbacks, which all of these do."""
    return [each for each in brought if isinstance(each, Callback)]


@dataclass
class Books:
    """What is in the database."""

    world: World
    group: Group
    account_id: UUID
    number: str
    lines: Sequence[Line]

    def sent(self, line: Line, count: int) -> list[Taken]:
        """As many texts that the provider has, and that are SENT in the books."""
        taken, rows, references = [], [], []
        for n in range(count):
            message_id, reference = new_id(), new_id().hex
            row = self._row(line.channel_id, message_id, phone(n))
            rows.append(row)
            references.append(
                {"channel_id": line.channel_id, "reference": reference, "message_id": message_id}
            )
            # where each plugin whose address has a key has it told
            key = urlencode({"key": line.fake.settings().get("callback_key", "")})
            url = f"{CALLBACKS}/receipts?{key}"
            taken.append(Taken((reference,), self.number, row["remote"], row["text"], message_id, url))
        with self.world.database.unit_of_work() as session:
            copy_rows(session, MESSAGE, rows)
            copy_rows(session, REFERENCE, references)
        return taken

    def _row(self, channel_id: UUID, message_id: UUID, remote: str) -> dict[str, Any]:
        now = self.world.clock.now()
        return {
            "id": message_id,
            "tenant_id": self.group.tenant_id,
            "group_id": self.group.id,
            "account_id": self.account_id,
            "direction": Direction.OUT,
            "door": Door.V2,
            "status": Status.SENT,
            "status_at": now,
            "remote": remote,
            "local": self.number,
            "text": "Hej",
            "encoding": Encoding.GSM,
            "parts": 1,
            "channel_id": channel_id,
            "created_at": now,
        }


def phone(number: int) -> str:
    """One of ten million phones."""
    return f"+4670{number % 10_000_000:07}"


def books(world: World, keys: Keys) -> Books:
    """Set up channels of all `PLUGINS`, sealed with these keys, and an account with a number of its own."""
    lines = [_line(world, keys, plugin, fake()) for plugin, fake in PLUGINS]
    world.numbers()
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    account_id = world.account(group, "anna@kommun.example")
    world.submit(account_id, [phone(1)], "Den första, som lånar ett nummer")
    world.run("DELETE FROM dispatch_queue")  # nobody is there who takes it
    number = world.value("SELECT msisdn FROM number WHERE account_id = :id", id=account_id)
    return Books(world, group, account_id, number, lines)


def _line(world: World, keys: Keys, plugin: type[Any], fake: Fake) -> Line:
    kept = divide(keys, plugin, fake.settings())
    return Line(world.channel(plugin.name, plugin=plugin.name, settings=kept.plain, sealed=kept.sealed), fake)
