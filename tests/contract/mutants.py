"""Plugins that are each wrong in one way, with the case of the kit that must find it. Run by test_kit.py."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import aiohttp
import structlog

from messa_platform.core.outbound import Answer, Fault, NoAnswer
from messa_platform.providers.base import (
    Accepted,
    Callback,
    CallbackResult,
    IncomingText,
    Outcome,
    OutgoingText,
    Receipt,
    ReceiptStatus,
    Rejected,
    State,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.elks.fake import ElksFake
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.kit import Conformance, Fake

CASES: dict[str, str] = {}
"""The case that must fail, by the class that it fails in."""


class Silence(ElksFake):
    """A fake that has nothing to say of receipts."""

    receipts = Fake.receipts


def found_by(case: str, fake: type[Fake] = ElksFake) -> Callable[[type[ElksProvider]], type[ElksProvider]]:
    """Register a mutant, and a class of the kit for it."""

    def register(mutant: type[ElksProvider]) -> type[ElksProvider]:
        name = f"Test{mutant.__name__}"
        members = {"plugin": mutant, "fake": fake, "__module__": __name__}
        globals()[name] = type(name, (Conformance,), members)
        CASES[name] = case
        return mutant

    return register


def _events(result: CallbackResult, change: Callable[[Any], Any]) -> CallbackResult:
    return replace(result, events=tuple(change(event) for event in result.events))


@found_by("test_what_leaves_a_doubt_is_unknown_and_asked_once[silent]")
class AsksTwice(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        first = await super().send(message)
        return await super().send(message) if isinstance(first, Unknown) else first


@found_by("test_what_leaves_a_doubt_is_unknown_and_asked_once[cut]")
class TakesDoubtForRefusal(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        outcome = await super().send(message)
        return Rejected(False, "timeout") if isinstance(outcome, Unknown) else outcome


@found_by("test_what_leaves_a_doubt_is_unknown_and_asked_once[malformed]")
class BelievesAnything(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        outcome = await super().send(message)
        return Accepted("?") if outcome == Unknown("malformed_answer") else outcome


@found_by("test_a_provider_that_is_busy_may_be_asked_again")
class GivesUpWhenThrottled(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        outcome = await super().send(message)
        return replace(outcome, permanent=True) if isinstance(outcome, Rejected) else outcome


@found_by("test_a_text_that_is_refused_is_refused_for_good_and_the_provider_s_code_says_why")
class TriesForEver(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        outcome = await super().send(message)
        return replace(outcome, permanent=False) if isinstance(outcome, Rejected) else outcome


@found_by("test_a_connection_that_is_refused_leaves_no_doubt")
class DoubtsEverything(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        outcome = await super().send(message)
        return Unknown(outcome.code) if isinstance(outcome, Rejected) else outcome


@found_by("test_a_text_is_accepted_and_reaches_the_phone")
class Babbles(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        logging.getLogger("babbles").info("as %s", self._user[1])
        return await super().send(message)


@found_by("test_a_channel_that_works_is_found_to_work_and_nothing_is_sent")
class BabblesInOurLog(ElksProvider):
    async def check(self) -> Verdict:
        structlog.get_logger("babbles").info("checked", password=self._user[1])
        return await super().check()


@found_by("test_every_text_reaches_the_phone_as_it_is[lines]")
class Tidies(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        return await super().send(replace(message, text=" ".join(message.text.split())))


@found_by("test_every_text_reaches_the_phone_as_it_is[long]")
class CutsShort(ElksProvider):
    async def send(self, message: OutgoingText) -> Outcome:
        return await super().send(replace(message, text=message.text[:160]))


@found_by("test_the_sender_is_a_name_or_a_number_as_it_says")
class SendsAsWhatItSaysItCannot(ElksProvider):
    capabilities = replace(ElksProvider.capabilities, own_numbers=False)


@found_by("test_a_text_that_is_repeated_is_one_if_it_says_so")
class SaysThatItKnowsRepeats(ElksProvider):
    capabilities = replace(ElksProvider.capabilities, idempotent_submit=True)


@found_by("test_it_can_what_it_says_and_nothing_else")
class TakesWhatItSaysItDoesNot(ElksProvider):
    capabilities = replace(ElksProvider.capabilities, receipts=False, incoming=False)


@found_by("test_one_in_trouble_holds_up_no_other")
class OneByOne(ElksProvider):
    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._turn = asyncio.Lock()

    async def send(self, message: OutgoingText) -> Outcome:
        async with self._turn:
            return await super().send(message)


class _Unguarded:
    """A way out of the plugin's own, which follows wherever it is led."""

    async def request(self, method: str, url: str, *, form: Any = None, **_: Any) -> Answer | NoAnswer:
        async with aiohttp.ClientSession() as session, session.request(method, url, data=form) as answer:
            await answer.read()
        return NoAnswer(Fault.BROKEN, sent=True)


@found_by("test_what_leaves_a_doubt_is_unknown_and_asked_once[redirect]")
class GoesItsOwnWay(ElksProvider):
    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        super().__init__(settings, replace(surroundings, http=_Unguarded()))


class _Adding:
    """Adds a field that nobody documents."""

    def __init__(self, http: Any) -> None:
        self._http = http

    async def request(self, method: str, url: str, *, form: Any = None, **more: Any) -> Any:
        return await self._http.request(method, url, form=form and {**form, "colour": "blue"}, **more)


@found_by("test_many_are_in_flight_at_once_and_each_arrives_once")
class Invents(ElksProvider):
    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        super().__init__(settings, replace(surroundings, http=_Adding(surroundings.http)))


@found_by("test_what_is_not_the_provider_s_is_refused")
class TrustsAnybody(ElksProvider):
    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        known = {**callback.query, "key": settings["callback_key"]}
        return ElksProvider.read_callback(settings, replace(callback, query=known))


@found_by("test_a_callback_that_makes_no_sense_is_refused_and_never_fails")
class Stumbles(ElksProvider):
    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        dict(callback.form)["id"]
        return ElksProvider.read_callback(settings, callback)


@found_by("test_every_status_that_the_provider_documents_is_known_in_any_case")
class KnowsOneCase(ElksProvider):
    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        def exactly(event: Any) -> Any:
            return replace(event, status=event.status if event.code.islower() else None)

        return _events(ElksProvider.read_callback(settings, callback), exactly)


@found_by("test_a_status_that_nobody_knows_is_told_as_it_is_and_changes_nothing")
class Guesses(ElksProvider):
    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        def guessed(event: Any) -> Any:
            return replace(event, status=event.status or ReceiptStatus.DELIVERED)

        return _events(ElksProvider.read_callback(settings, callback), guessed)


@found_by("test_receipts_that_come_again_or_in_another_order_say_the_same")
class Remembers(ElksProvider):
    seen: ClassVar[set[str]] = set()

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        result = ElksProvider.read_callback(settings, callback)
        new = tuple(e for e in result.events if isinstance(e, Receipt) and e.reference not in Remembers.seen)
        Remembers.seen |= {event.reference for event in result.events}
        return replace(result, events=new)


@found_by("test_a_callback_is_answered_as_the_provider_wants_it")
class AnswersAnybody(ElksProvider):
    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        return replace(ElksProvider.read_callback(settings, callback), body=b"OK")


@found_by("test_a_text_from_a_phone_comes_in_as_it_was_written[emoji]")
class ReadsLatin(ElksProvider):
    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        def latin(event: Any) -> Any:
            assert isinstance(event, IncomingText)
            return replace(event, text=event.text.encode("latin-1", "replace").decode("latin-1"))

        return _events(ElksProvider.read_callback(settings, callback), latin)


@found_by("test_a_wrong_key_is_told_from_a_provider_that_is_not_there")
class AllIsWell(ElksProvider):
    async def check(self) -> Verdict:
        return Verdict(State.WELL)


@found_by("test_receipts_that_come_again_or_in_another_order_say_the_same", Silence)
class IsTriedByHalfAFake(ElksProvider):
    """Nothing is wrong with it, but nobody can tell."""


@found_by("test_its_secrets_are_marked")
class HidesNothing(ElksProvider):
    settings_schema: ClassVar[dict[str, Any]] = {
        key: {**rules, "meta": {"label": key}} for key, rules in ElksProvider.settings_schema.items()
    }


@found_by("test_it_is_written_for_this_contract_and_says_who_it_is")
class Old(ElksProvider):
    contract = 1
