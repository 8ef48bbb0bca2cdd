"""What the network remembers in memory: phones, submits and mails.

The journal has all of it, the memory the latest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Any, Final

from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.records import Incoming, Kind, Mail, Submit, iso
from messa_platform.providers.simulator.webhooks import KEEP_HOOKS, Hook

KEEP_TEXTS: Final = 100_000
"""Submits and incoming texts in memory; older ones leave the phones and stay in the journal."""
KEEP_MAILS: Final = 10_000
"""Mails in memory; older ones stay in the journal."""


@dataclass(slots=True)
class Phone:
    """A phone: all that it got and wrote, oldest first. A list, since an empty deque alone weighs 600 bytes."""

    number: str
    texts: list[Submit | Incoming] = field(default_factory=list)

    def received(self) -> Iterator[Submit]:
        """The texts that reached it, oldest first."""
        return (text for text in self.texts if isinstance(text, Submit))


class Store:
    """The memory. `version` grows with everything that a person could see."""

    def __init__(self, journal: Journal, keep_texts: int = KEEP_TEXTS, keep_mails: int = KEEP_MAILS) -> None:
        self._journal = journal
        self._keep_texts = keep_texts
        self._texts: deque[Submit | Incoming] = deque()
        self._phones: dict[str, Phone] = {}
        self._newest_by_id: dict[str, int] = {}
        self._mails: deque[Mail] = deque(maxlen=keep_mails)
        self.hooks: deque[Hook] = deque(maxlen=KEEP_HOOKS)
        self._last = 0
        self.version = 0
        self.submits = 0
        self.taken = 0
        self._has_forgotten = False

    def next_number(self) -> int:
        """A number for the next thing that happens; they grow, across restarts too."""
        self._last += 1
        return self._last

    def reference(self, n: int) -> str:
        """The network's own id of the submit or incoming text `n`; no other journal has the same."""
        return f"sim-{self._journal.identity}-{n}"

    def remember(self, thing: Submit | Incoming | Mail) -> None:
        """Keep what the journal has."""
        self._last = max(self._last, thing.n)
        self.version += 1
        match thing:
            case Submit():
                self._remember_submit(thing)
            case Incoming():
                self._show(thing.sender, thing)
                self._keep(thing)
            case Mail():
                self._mails.append(thing)

    def remember_hook(self, hook: Hook) -> None:
        """Keep what came to a listener of webhooks, which the journal does not have."""
        self.version += 1
        self.hooks.append(hook)

    def _remember_submit(self, submit: Submit) -> None:
        self.submits += 1
        if submit.taken:
            self.taken += 1
            self._newest_by_id[submit.message_id] = submit.n
            self._show(submit.recipient, submit)
        self._keep(submit)

    def _show(self, number: str, text: Submit | Incoming) -> None:
        # Taken out and put back in, so that the phones stand in the order of their latest text.
        phone = self._phones.pop(number, None) or Phone(number)
        phone.texts.append(text)
        self._phones[number] = phone

    def _keep(self, text: Submit | Incoming) -> None:
        self._texts.append(text)
        if len(self._texts) > self._keep_texts:
            self._forget(self._texts.popleft())

    def _forget(self, text: Submit | Incoming) -> None:
        self._has_forgotten = True
        number = text.recipient if isinstance(text, Submit) else text.sender
        if isinstance(text, Submit):
            if not text.taken:
                return
            if self._newest_by_id.get(text.message_id) == text.n:
                del self._newest_by_id[text.message_id]
        # The oldest text of all is the oldest on its phone.
        phone = self._phones[number]
        del phone.texts[0]
        if not phone.texts:
            del self._phones[number]

    def phone(self, number: str) -> Phone:
        """The phone with `number`; one that nobody has texted is empty."""
        return self._phones.get(number) or Phone(number)

    def is_in_session(self, text: Submit | Incoming) -> bool:
        """Whether what is to be told of a text goes by a session: by that by which it came; a phone's answer by that of what it got last."""
        if isinstance(text, Submit):
            return bool(text.references)
        last = next((t for t in reversed(self.phone(text.sender).texts) if isinstance(t, Submit)), None)
        return last is not None and bool(last.references)

    def latest_phones(self, count: int) -> list[Phone]:
        """The phones with the latest texts, latest first."""
        return list(islice(reversed(self._phones.values()), count))

    @property
    def phone_count(self) -> int:
        """How many phones have texts."""
        return len(self._phones)

    def mails(self, to: str | None = None) -> list[tuple[str, Mail]]:
        """Each mail once for each recipient, oldest first; only those to the address `to`, if given."""
        wanted = to.casefold() if to is not None else None
        return [
            (recipient, mail)
            for mail in self._mails
            for recipient in mail.recipients
            if wanted is None or recipient.casefold() == wanted
        ]

    def find(self, message_id: str) -> int | None:
        """The latest taken submit of the message `message_id`, in memory."""
        return self._newest_by_id.get(message_id)

    @property
    def has_forgotten(self) -> bool:
        """Whether the journal knows texts that the memory does not."""
        return self._has_forgotten

    def find_in_journal(self, message_id: str) -> int | None:
        """As `find`, from the whole journal; slow, for a thread."""
        found = None
        for entry in self._journal.read_kind(Kind.SUBMIT, holding=message_id):
            submit = Submit.read(entry)
            if submit.message_id == message_id and submit.taken:
                found = submit.n
        return found

    def submits_since(self, n: int, limit: int) -> list[dict[str, Any]] | None:
        """Submits after number `n`, oldest first; None where the memory does not reach back that far."""
        if self._has_forgotten and (not self._texts or self._texts[0].n > n + 1):
            return None
        newer = list(takewhile(lambda text: text.n > n, reversed(self._texts)))
        submits = (text for text in reversed(newer) if isinstance(text, Submit))
        return [self.submit_json(submit) for submit in islice(submits, limit)]

    def submits_in_journal(self, n: int, limit: int) -> list[dict[str, Any]]:
        """As `submits_since`, from the whole journal; slow, for a thread."""
        newer = (Submit.read(entry) for entry in self._journal.read_kind(Kind.SUBMIT) if entry["n"] > n)
        return [self.submit_json(submit) for submit in islice(newer, limit)]

    def submit_json(self, submit: Submit) -> dict[str, Any]:
        """A submit as the HTTP interface shows it."""
        return {
            "n": submit.n,
            "at": iso(submit.at),
            "id": submit.message_id,
            "from": submit.sender,
            "to": submit.recipient,
            "text": submit.text,
            "parts": submit.parts,
            "taken": submit.taken,
            "code": submit.code,
            "reference": next(iter(submit.references), self.reference(submit.n)) if submit.taken else None,
        }
