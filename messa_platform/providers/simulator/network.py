"""The network's mind: whether it takes a text, what it answers, and what follows.

Whatever is decided is in the journal before anybody hears of it. The same message submitted twice is two
texts on the phone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from messa_platform.core.clock import Clock
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.behaviour import (
    REFUSALS_BEFORE_TAKING,
    THROTTLE_SECONDS,
    Answer,
    Behaviour,
    PlannedReceipt,
    Take,
    behaviour_of,
)
from messa_platform.providers.simulator.conditions import Conditions
from messa_platform.providers.simulator.events import Event, Events, receipt_key
from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.records import Incoming, Kind, Mail, PromisedReceipt, Submit
from messa_platform.providers.simulator.store import Store

REPLY_AFTER_MS: Final = 300
"""How long after its delivery a phone that always answers answers a text."""
_REMEMBERED_REFUSALS: Final = 10_000
_LOST: Final = "lost"
_PERMANENT: Final = frozenset({"bad_request", "invalid_destination"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the one who submitted hears: `answer` is the line for it, sent in the way `kind` says.

    `key` names the first receipt, `code` why the text is not taken ("" if it is).
    """

    kind: Answer
    answer: bytes
    key: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What happens to a text: why it is not taken ("" if it is), the answer's kind, receipts, a reply."""

    code: str
    answer: Answer
    receipts: tuple[PlannedReceipt, ...] = ()
    reply: str | None = None


class Network:
    """Takes texts and keeps mails.

    `random` decides whom a fault strikes; `conditions` may be replaced at any time. Of what came by a session `deliveries` tell.
    """

    def __init__(
        self,
        journal: Journal,
        store: Store,
        callbacks: Events,
        clock: Clock,
        random: Random,
        conditions: Conditions,
        deliveries: Events | None = None,
    ) -> None:
        self._journal = journal
        self._ways = callbacks, deliveries or callbacks
        self._clock = clock
        self._random = random
        self._refusals: OrderedDict[str, int] = OrderedDict()
        self._throttled_until = 0.0
        self.store = store
        self.conditions = conditions

    def take(self, requests: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """Decide on submits (docs/simulator.md, *Gateway*) and journal them in one write.

        Raises `OSError`.
        """
        now = self._clock.now().timestamp()
        verdicts: list[Verdict] = []
        texts: list[Submit | Incoming] = []
        for request in requests:
            if not _is_submit(request):
                verdicts.append(Verdict(Answer.PROMPT, refusal(request, "bad_request"), code="bad_request"))
                continue
            choice = self._choose(request, now)
            submit = self._submit(request, choice, now)
            texts.append(submit)
            if choice.reply is not None and submit.sender.startswith("+"):
                texts.append(self._reply(submit, choice.reply))
            verdicts.append(self._verdict(request, choice, submit))
        self._record(texts)
        return verdicts

    def drops_question(self) -> bool:
        """Whether the question that is asked just now stays without an answer."""
        return self._happens(self.conditions.drop_questions)

    def bring(self, phone: str, to: str, text: str) -> None:
        """A person answers: a text from `phone` to the platform's number `to`. Raises `OSError`."""
        now = self._clock.now().timestamp()
        self._record([Incoming(self.store.next_number(), now, phone, to, text)])

    def deliver(self, mail: Mail) -> None:
        """Put a mail into the box. Raises `OSError`."""
        self._journal.append([mail.line()])
        self.store.remember(mail)

    def _record(self, texts: Sequence[Submit | Incoming]) -> None:
        self._journal.append(text.line() for text in texts)
        events: tuple[list[Event], list[Event]] = [], []
        for text in texts:
            in_session = self.store.is_in_session(text)
            self.store.remember(text)
            events[in_session].extend(_events_of(self._ways[in_session], text))
        for way, planned in zip(self._ways, events, strict=True):
            way.plan(planned)

    def _choose(self, request: Mapping[str, Any], now: float) -> Choice:
        behaviour = behaviour_of(request["to"])
        code = self._refusal_code(behaviour, request["id"], now)
        if code:
            return Choice(code, behaviour.answer)
        answer = behaviour.answer
        if answer is Answer.PROMPT and self.conditions.submits_fail:
            code, answer = self._strike()
            if code:
                return Choice(code, answer)
        return Choice("", answer, self._receipts(behaviour), behaviour.reply)

    def _refusal_code(self, behaviour: Behaviour, message_id: str, now: float) -> str:
        match behaviour.take:
            case Take.TAKEN:
                return ""
            case Take.REFUSED:
                return behaviour.code
            case Take.LOST:
                return _LOST
            case Take.REFUSED_TWICE:
                return behaviour.code if self._refuse_again(message_id) else ""
            case Take.THROTTLED:
                if now < self._throttled_until:
                    return behaviour.code
                self._throttled_until = now + THROTTLE_SECONDS
                return ""

    def _refuse_again(self, message_id: str) -> bool:
        refused = self._refusals.pop(message_id, 0)
        if refused >= REFUSALS_BEFORE_TAKING:
            return False
        self._refusals[message_id] = refused + 1
        if len(self._refusals) > _REMEMBERED_REFUSALS:
            self._refusals.popitem(last=False)
        return True

    def _strike(self) -> tuple[str, Answer]:
        """The code of refusal, or "", and the answer's kind, as the faults of the submit would have it."""
        faults = self.conditions
        if self._happens(faults.drop_submits):
            return _LOST, Answer.NONE
        if self._happens(faults.refuse):
            return "temporarily_unavailable", Answer.PROMPT
        if self._happens(faults.cut_connections):
            return "", Answer.CUT
        if self._happens(faults.drop_answers):
            return "", Answer.NONE
        if self._happens(faults.malformed_answers):
            return "", Answer.MALFORMED
        return "", Answer.PROMPT

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _receipts(self, behaviour: Behaviour) -> tuple[PlannedReceipt, ...]:
        faults = self.conditions
        if not faults.receipts_fail:
            return behaviour.receipts
        if self._happens(faults.drop_receipts):
            return ()
        receipts = behaviour.receipts
        if self._happens(faults.undelivered):
            receipts = tuple(
                PlannedReceipt(receipt.after, "UNDELIVERED", "unreachable", receipt.plus_ms)
                for receipt in receipts
            )
        return receipts * 2 if self._happens(faults.repeat_receipts) else receipts

    def _submit(self, request: Mapping[str, Any], choice: Choice, now: float) -> Submit:
        wait_ms = self.conditions.wait_ms
        return Submit(
            n=self.store.next_number(),
            at=now,
            message_id=request["id"],
            sender=request["from"],
            recipient=request["to"],
            text=request["text"],
            parts=request["parts"],
            code=choice.code,
            receipts=tuple(
                PromisedReceipt(wait_ms(receipt.after) + receipt.plus_ms, receipt.status, receipt.code)
                for receipt in choice.receipts
            ),
            references=tuple(request.get("references", ())),
        )

    def _reply(self, submit: Submit, text: str) -> Incoming:
        at = submit.at + (self.conditions.delivery_ms + REPLY_AFTER_MS) / 1000
        return Incoming(self.store.next_number(), at, submit.recipient, submit.sender, text)

    def _verdict(self, request: Mapping[str, Any], choice: Choice, submit: Submit) -> Verdict:
        if choice.code:
            return Verdict(choice.answer, refusal(request, choice.code), code=choice.code)
        if choice.answer is Answer.MALFORMED:
            return Verdict(choice.answer, wire.encode({"seq": request.get("seq"), "ok": "kanske"}))
        answer = {
            "seq": request.get("seq"),
            "ok": True,
            "reference": self.store.reference(submit.n),
            "parts": submit.parts,
        }
        return Verdict(choice.answer, wire.encode(answer), receipt_key(submit.n, 0))


def _is_submit(request: Mapping[str, Any]) -> bool:
    match request:
        case {"id": str(), "from": str(), "to": str(to), "text": str(), "parts": int(parts)}:
            return parts > 0 and to.startswith("+") and to.isascii() and to[1:].isdigit()
    return False


def refusal(request: Mapping[str, Any], code: str) -> bytes:
    """The answer to a request that is refused."""
    return wire.encode(
        {"seq": request.get("seq"), "ok": False, "code": code, "permanent": code in _PERMANENT}
    )


def _events_of(way: Events, text: Submit | Incoming) -> list[Event]:
    return [way.incoming_of(text)] if isinstance(text, Incoming) else way.receipts_of(text)


def restore(journal: Journal, store: Store, callbacks: Events, deliveries: Events | None = None) -> None:
    """Put a journal's entries back into the memory, and plan the events that the platform has yet to take.

    Raises `JournalDamaged`.
    """
    posted = {key for entry in journal.read_kind(Kind.POSTED) for key in entry["keys"]}
    ways = callbacks, deliveries or callbacks
    waiting: tuple[list[Event], list[Event]] = [], []
    for entry in journal.read():
        text: Submit | Incoming
        match entry["kind"]:
            case Kind.SUBMIT:
                text = Submit.read(entry)
            case Kind.INCOMING:
                text = Incoming.read(entry)
            case Kind.MAIL:
                store.remember(Mail.read(entry))
                continue
            case _:
                continue
        in_session = store.is_in_session(text)
        store.remember(text)
        waiting[in_session].extend(e for e in _events_of(ways[in_session], text) if e.key not in posted)
    for way, planned in zip(ways, waiting, strict=True):
        way.plan(planned)
