"""A school in the portal: who writes from it, what comes back, and how its pages are read and filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from webtest import TestResponse

from messa_platform.messaging.models import Door
from messa_platform.messaging.schedule import release
from messa_platform.messaging.sending_work import work_off_sendings
from messa_platform.providers.base import IncomingText
from messa_platform.runtime import Runtime
from tests.support.network import Network
from tests.support.visitors import Visitor, path_of, token_of
from tests.support.world import World

KARIN, GORAN, ASA = "+46701740605", "+46701740612", "+46701740631"


def seen(page: TestResponse, part: str = "main") -> str:
    """What a reader sees of a page's element, in one line; of a fragment, all."""
    inside = page.text.partition(f"<{part}")[2].partition(f"</{part}>")[0] or page.text
    return " ".join(re.sub(r"<[^>]+>", " ", inside).split())


def field_of(page: TestResponse, name: str) -> str:
    """What stands in a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, f"no field {name}: {page.status}"
    return found[1]


@dataclass
class School:
    """An account of the school at work: `visitor` is its browser, signed in, and `network` what is at the other end."""

    world: World
    runtime: Runtime
    network: Network
    visitor: Visitor
    account_id: UUID

    def get(self, path: str, status: int = 200) -> TestResponse:
        """A page, which must answer with `status`."""
        page = self.visitor.get(path)
        assert page.status_int == status, f"{path}: {page.status}\n{seen(page)[:2000]}"
        return page

    def send(
        self,
        page: str,
        onto: str | None = None,
        /,
        files: list[tuple[str, str, bytes]] | None = None,
        **fields: str,
    ) -> TestResponse:
        """Open a page with a form, and send that filled in; the hidden field `nonce` goes along."""
        opened = self.get(page)
        nonce = re.search(r'name="nonce" value="([^"]*)"', opened.text)
        hidden = {"csrf_token": token_of(opened), **({"nonce": nonce[1]} if nonce else {})}
        more = {"upload_files": files} if files is not None else {}
        return self.visitor.post(onto or page, {**hidden, **fields}, **more)

    def sent(self, page: str, onto: str | None = None, /, **fields: str) -> TestResponse:
        """The same, and the page that it leads to."""
        answer = self.send(page, onto, files=None, **fields)
        assert answer.status_int == 303, seen(answer)[:2000]
        return self.get(path_of(answer))

    def text(self, number: str, text: str, door: Door = Door.MAIL) -> UUID:
        """Have a text sent to a number by another door; gives the message."""
        self.world.submit(self.account_id, [number], text, door=door, guard=False)
        found: UUID = self.world.value(
            "SELECT id FROM message WHERE text = :text ORDER BY id DESC LIMIT 1", text=text
        )
        return found

    def answer(self, number: str, text: str) -> None:
        """A text comes from a number."""
        local = self.world.value("SELECT msisdn FROM number WHERE account_id = :id", id=self.account_id)
        count = self.world.value("SELECT count(*) FROM message")
        self.network.brings(IncomingText(f"r{count}", number, local, text))

    def thread(self, number: str) -> str:
        """The path of the thread with a number."""
        found = self.world.value(
            "SELECT id FROM thread WHERE account_id = :account AND remote = :remote",
            account=self.account_id,
            remote=number,
        )
        return f"/messages/{found}"

    def texts(self, number: str | None = None) -> list[tuple[str, str, str]]:
        """Number, text and status of what went out, or was to, oldest first."""
        rows = self.world.rows(
            "SELECT remote, text, status FROM message WHERE direction = 'out' AND account_id = :account ORDER BY id",
            account=self.account_id,
        )
        return [tuple(row) for row in rows if number in (None, row.remote)]

    def work(self) -> None:
        """Have the workers do what waits: sendings, and texts whose time has come."""
        while work_off_sendings(self.runtime.database, self.runtime.clock, self.runtime.announcements):
            pass
        while release(self.runtime.database, self.runtime.clock, self.runtime.announcements):
            pass
