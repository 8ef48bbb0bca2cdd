"""The cases of the kit."""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, ClassVar

import pytest
import structlog
from cerberus import Validator

from messa_platform.providers.base import (
    CONTRACT_VERSION,
    Absent,
    Accepted,
    Callback,
    CallbackRefused,
    IncomingText,
    Outcome,
    Polls,
    Provider,
    Receipt,
    ReceiptStatus,
    Reconciles,
    Rejected,
    State,
    TakesCallbacks,
    Unknown,
)
from messa_platform.providers.kit.desk import NAME, RECIPIENT, SENDER, Desk, a_text
from messa_platform.providers.kit.fake import Fake, Taken, Trouble
from messa_platform.providers.kit.sessions import Sessions
from messa_platform.providers.registry import checked_settings, holds_sessions

MANY = 40
SECRET = 8
"""Letters of a secret at the least, so that one that shows up somewhere is no coincidence."""

TEXTS = {
    "plain": ("Hej", 1),
    "swedish": ("Åsa åt älgfärs på ön. Ärligt!", 1),
    "extended": ("Pris: 45 € {netto} [ej ~ca] ^a|b\\c", 1),
    "looks like a form": ("a=b&c=d%20e+f;g?h#i\n<b>\"'", 1),
    "cyrillic": ("Привет, Ærø!", 1),
    "emoji": ("Grattis \U0001f382 \U0001f469\u200d\U0001f467", 1),
    "long": ("Lång text som fyller mer än en del. " * 10, 3),
    "long unicode": ("Ещё один длинный текст \U0001f600. " * 8, 4),
    "lines": ("Rad ett\nRad två\n\nRad fyra", 1),
}


class Conformance(Sessions):
    """Every plugin's tests: subclass it, and name the `plugin` and the `fake` of its provider."""

    plugin: ClassVar[type[Provider]]
    fake: ClassVar[type[Fake]]

    @pytest.fixture(autouse=True)
    def said(self) -> Iterator[None]:
        """In no test may a secret be said: not in a log, not on the screen."""
        screen = io.StringIO()
        heard, root = logging.StreamHandler(screen), logging.getLogger()
        level, settings = root.level, structlog.get_config()
        root.addHandler(heard)
        root.setLevel(logging.DEBUG)
        structlog.configure(
            logger_factory=structlog.PrintLoggerFactory(screen), cache_logger_on_first_use=False
        )
        try:
            with redirect_stdout(screen), redirect_stderr(screen):
                yield
        finally:
            structlog.configure(**settings)
            root.setLevel(level)
            root.removeHandler(heard)
        for secret in _secrets(self.plugin, self.fake().settings()):
            assert secret not in screen.getvalue(), "a secret of the channel's settings was logged"

    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        """The plugin at its desk. In no test may it ask for what the provider does not document."""
        fake = self.fake()
        with fake.running():
            yield Desk(self.plugin, fake)
        assert fake.wrong == [], "asked otherwise than the provider documents"
        assert fake.trapped == 0, "a redirect was followed"

    # What it says of itself

    def test_it_is_written_for_this_contract_and_says_who_it_is(self) -> None:
        assert self.plugin.contract == CONTRACT_VERSION
        assert self.plugin.name.isidentifier()
        about = self.plugin.about
        assert all((about.title, about.maker, about.sentence))
        assert about.home.startswith("https://")

    def test_its_settings_are_described_and_a_wrong_one_is_refused(self) -> None:
        schema = self.plugin.settings_schema
        Validator(schema)  # raises where it is no schema
        for key, rules in schema.items():
            assert rules.get("meta", {}).get("label"), f"{key}: its meta has no label"
        given = self.fake().settings()
        checked_settings(self.plugin, given)
        with pytest.raises(ValueError, match="nonsense"):
            checked_settings(self.plugin, {**given, "nonsense": "x"})
        for key, rules in schema.items():
            if rules.get("required"):
                with pytest.raises(ValueError, match=key):
                    checked_settings(self.plugin, {k: v for k, v in given.items() if k != key})

    def test_its_secrets_are_marked(self) -> None:
        secrets = _secrets(self.plugin, self.fake().settings())
        assert secrets, "no setting is marked as a secret"
        assert all(len(secret) >= SECRET for secret in secrets), "the fake's secrets are too short to be told"

    def test_it_can_what_it_says_and_nothing_else(self) -> None:
        can, takes = self.plugin.capabilities, hears(self.plugin)
        assert takes or not can.incoming
        assert (takes or issubclass(self.plugin, Polls)) or not can.receipts
        assert (can.receipts or can.incoming) or not takes
        assert can.alphanumeric_sender or can.own_numbers
        assert can.max_rate is None or can.max_rate > 0
        assert all(len(country) == 2 and country.isupper() for country in can.countries)

    # Sending

    def test_a_text_is_accepted_and_reaches_the_phone(self, desk: Desk) -> None:
        text = a_text(sender=_sender(self.plugin))
        outcome = desk.send_one(text)
        assert isinstance(outcome, Accepted), outcome
        [taken] = desk.fake.taken
        assert (outcome.reference, *outcome.more) == taken.references
        assert (taken.sender, taken.recipient, taken.text) == (text.sender, text.recipient, "Hej")
        assert taken.message_id in (None, text.message_id)

    @pytest.mark.parametrize("which", TEXTS)
    def test_every_text_reaches_the_phone_as_it_is(self, desk: Desk, which: str) -> None:
        written, parts = TEXTS[which]
        if not self.plugin.capabilities.unicode and not written.isascii():
            pytest.fail("a provider that cannot carry every text is none for messa")
        outcome = desk.send_one(a_text(written, _sender(self.plugin), parts=parts))
        assert isinstance(outcome, Accepted), outcome
        assert [taken.text for taken in desk.fake.taken] == [written]
        assert outcome.parts in (None, parts)

    def test_the_sender_is_a_name_or_a_number_as_it_says(self, desk: Desk) -> None:
        can = self.plugin.capabilities
        for sender, able in ((NAME, can.alphanumeric_sender), (SENDER, can.own_numbers)):
            before = len(desk.fake.taken)
            outcome = desk.send_one(a_text(sender=sender))
            if able:
                assert isinstance(outcome, Accepted), (sender, outcome)
                assert desk.fake.taken[-1].sender == sender
            else:
                assert isinstance(outcome, Rejected), (sender, outcome)
                assert outcome.permanent, (sender, outcome)
                assert len(desk.fake.taken) == before

    def test_many_are_in_flight_at_once_and_each_arrives_once(self, desk: Desk) -> None:
        texts = [a_text(f"Nr {n}", _sender(self.plugin), f"+467017{n:05}") for n in range(MANY)]
        outcomes = desk.send(*texts)
        assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
        assert sorted(t.recipient for t in desk.fake.taken) == [text.recipient for text in texts]
        of_recipient = {t.recipient: t for t in desk.fake.taken}
        for text, outcome in zip(texts, outcomes, strict=True):
            taken = of_recipient[text.recipient]
            assert taken.text == text.text
            assert isinstance(outcome, Accepted)
            assert outcome.reference == taken.references[0]

    # What goes wrong

    def test_a_provider_that_is_busy_may_be_asked_again(self, desk: Desk) -> None:
        self._not_for_good(desk, Trouble.THROTTLED)

    def test_a_provider_that_is_out_of_order_may_be_asked_again(self, desk: Desk) -> None:
        self._not_for_good(desk, Trouble.DOWN)

    def test_a_wrong_key_costs_no_text(self, desk: Desk) -> None:
        self._not_for_good(desk, Trouble.WRONG_KEY)

    def _not_for_good(self, desk: Desk, trouble: Trouble) -> None:
        desk.fake.trouble = trouble
        outcome = desk.send_one(a_text(sender=_sender(self.plugin)))
        assert isinstance(outcome, Rejected), outcome
        assert not outcome.permanent, outcome
        assert outcome.code
        assert desk.fake.taken == []
        desk.fake.trouble = None
        assert isinstance(desk.send_one(a_text(sender=_sender(self.plugin))), Accepted)

    def test_a_text_that_is_refused_is_refused_for_good_and_the_provider_s_code_says_why(
        self, desk: Desk
    ) -> None:
        desk.fake.trouble = Trouble.REFUSED
        outcome = desk.send_one(a_text(sender=_sender(self.plugin)))
        assert outcome == Rejected(permanent=True, code=desk.fake.refusal_code())
        assert desk.fake.taken == []

    def test_a_connection_that_is_refused_leaves_no_doubt(self) -> None:
        fake = self.fake()
        with fake.running():
            pass
        outcome = Desk(self.plugin, fake).send_one(a_text(sender=_sender(self.plugin)))
        assert isinstance(outcome, Rejected), outcome
        assert not outcome.permanent, outcome

    @pytest.mark.parametrize(
        "trouble", [Trouble.SILENT, Trouble.CUT, Trouble.MALFORMED, Trouble.ENDLESS, Trouble.REDIRECT]
    )
    def test_what_leaves_a_doubt_is_unknown_and_asked_once(self, desk: Desk, trouble: Trouble) -> None:
        desk.fake.trouble = trouble
        begin = time.monotonic()
        outcome = desk.send_one(a_text(sender=_sender(self.plugin)))
        assert isinstance(outcome, Unknown), outcome
        assert outcome.reason
        assert desk.fake.asked == 1
        assert time.monotonic() - begin < 10

    def test_one_in_trouble_holds_up_no_other(self, desk: Desk) -> None:
        async def work(provider: Provider) -> tuple[Outcome, Outcome]:
            desk.fake.trouble = Trouble.SILENT
            slow = asyncio.ensure_future(provider.send(a_text("Nr 1", _sender(self.plugin))))
            while not desk.fake.asked:
                await asyncio.sleep(0.01)
            desk.fake.trouble = None
            quick = await provider.send(a_text("Nr 2", _sender(self.plugin)))
            assert not slow.done()
            return await slow, quick

        slow, quick = desk.using(work)
        assert isinstance(slow, Unknown)
        assert isinstance(quick, Accepted)

    def test_a_doubtful_text_can_be_asked_for_by_our_id_if_it_says_so(self, desk: Desk) -> None:
        if not issubclass(self.plugin, Reconciles):
            return  # such texts end as UNCONFIRMED
        known, lost = a_text(sender=_sender(self.plugin)), a_text(sender=_sender(self.plugin))

        async def work(provider: Any) -> tuple[Any, Any, Any]:
            return (
                await provider.send(known),
                await provider.find(known.message_id),
                await provider.find(lost.message_id),
            )

        sent, found, missing = desk.using(work)
        assert isinstance(sent, Accepted)
        assert isinstance(found, Accepted)
        assert found.reference == sent.reference
        assert isinstance(missing, Absent)

    def test_a_text_that_is_repeated_is_one_if_it_says_so(self, desk: Desk) -> None:
        if not self.plugin.capabilities.idempotent_submit:
            return
        text = a_text(sender=_sender(self.plugin))
        first, second = desk.send_one(text), desk.send_one(text)
        assert isinstance(first, Accepted)
        assert first == second
        assert len(desk.fake.taken) == 1

    # The test of a channel

    def test_a_channel_that_works_is_found_to_work_and_nothing_is_sent(self, desk: Desk) -> None:
        verdict = desk.using(lambda provider: provider.check())
        assert verdict.state is State.WELL, verdict
        assert desk.fake.taken == []

    def test_a_wrong_key_is_told_from_a_provider_that_is_not_there(self, desk: Desk) -> None:
        desk.fake.trouble = Trouble.WRONG_KEY
        assert desk.using(lambda provider: provider.check()).state is State.WRONG_KEY
        desk.fake.trouble = Trouble.SILENT
        assert desk.using(lambda provider: provider.check()).state is State.UNREACHABLE

    # Receipts

    def test_every_status_that_the_provider_documents_is_known_in_any_case(self, desk: Desk) -> None:
        assert self.plugin.capabilities.receipts or not self.fake.words
        for word, status in self.fake.words.items():
            for written in {word, word.upper(), word.lower()}:
                taken = self._taken(desk)
                events = desk.read_all(desk.fake.receipts(taken, written))
                assert [e.reference for e in events] == list(taken.references), (written, events)
                assert {e.status for e in events} == {status}, (written, events)
                assert all(isinstance(e, Receipt) and e.code for e in events), (written, events)

    def test_a_status_that_nobody_knows_is_told_as_it_is_and_changes_nothing(self, desk: Desk) -> None:
        if not hears(self.plugin) or not self.plugin.capabilities.receipts:
            return
        word = _strange(self.fake)
        events = desk.read_all(desk.fake.receipts(self._taken(desk), word))
        assert events
        assert all(isinstance(e, Receipt) and e.status is None for e in events), events
        assert all(word.lower() in e.code.lower() for e in events), events

    def test_receipts_that_come_again_or_in_another_order_say_the_same(self, desk: Desk) -> None:
        if not hears(self.plugin) or not self.plugin.capabilities.receipts:
            return
        first, second = self._taken(desk), self._taken(desk)
        final = next(w for w, status in self.fake.words.items() if status is ReceiptStatus.DELIVERED)
        callbacks = [*desk.fake.receipts(first, final), *desk.fake.receipts(second, final)]
        events = desk.read_all(callbacks)
        again = desk.read_all([*reversed(callbacks), *callbacks])
        assert sorted(again[: len(events)], key=repr) == sorted(events, key=repr)
        assert again[len(events) :] == events

    def test_a_callback_is_answered_as_the_provider_wants_it(self, desk: Desk) -> None:
        if not issubclass(self.plugin, TakesCallbacks):
            return
        for callback in self._callbacks(desk):
            result = desk.read(callback)
            assert (result.status, result.body) == desk.fake.wants()

    def test_what_is_not_the_provider_s_is_refused(self, desk: Desk) -> None:
        if not issubclass(self.plugin, TakesCallbacks):
            return
        for callback in self._callbacks(desk):
            forged = desk.fake.forged(callback)
            assert len(forged) >= 2, "the fake names fewer than two ways to forge a callback"
            for each in forged:
                with pytest.raises(CallbackRefused) as refused:
                    desk.read(each)
                assert 400 <= refused.value.status < 500

    def test_a_callback_that_makes_no_sense_is_refused_and_never_fails(self, desk: Desk) -> None:
        if not issubclass(self.plugin, TakesCallbacks):
            return
        for callback in self._callbacks(desk):
            for body in (b"", b"\xff\xfe\x00", b"{", b"[]", b"null", b'{"a": [1', b"a=b&c", b"%ff=%00"):
                spoilt = Callback(
                    callback.method, callback.path, {}, callback.headers, body, callback.url, callback.at
                )
                with pytest.raises(CallbackRefused):
                    desk.read(spoilt)

    # Incoming texts

    @pytest.mark.parametrize("which", TEXTS)
    def test_a_text_from_a_phone_comes_in_as_it_was_written(self, desk: Desk, which: str) -> None:
        if not self.plugin.capabilities.incoming:
            return
        written, _ = TEXTS[which]
        events = desk.read_all(desk.fake.incoming(f"in-{which}", RECIPIENT, SENDER, written))
        assert all(isinstance(event, IncomingText) for event in events), events
        assert {(event.sender, event.recipient) for event in events} == {(RECIPIENT, SENDER)}
        assert len({event.reference for event in events}) == len(events)
        if len(events) > 1:
            assert sorted(e.piece.number for e in events) == list(range(1, len(events) + 1))
            assert {(e.piece.group, e.piece.total) for e in events} == {(events[0].piece.group, len(events))}
            events.sort(key=lambda e: e.piece.number)
        assert "".join(event.text for event in events) == written

    def _taken(self, desk: Desk) -> Taken:
        outcome = desk.send_one(a_text(sender=_sender(self.plugin)))
        assert isinstance(outcome, Accepted), outcome
        return desk.fake.taken[-1]

    def _callbacks(self, desk: Desk) -> list[Callback]:
        """One of each kind that the plugin takes."""
        found: list[Any] = []
        if self.plugin.capabilities.receipts:
            found += desk.fake.receipts(self._taken(desk), next(iter(self.fake.words)))[:1]
        if self.plugin.capabilities.incoming:
            found += desk.fake.incoming("in-1", RECIPIENT, SENDER, "Hej")[:1]
        assert found, "the plugin takes callbacks, but has neither receipts nor incoming texts"
        return found


def hears(plugin: type[Provider]) -> bool:
    """Whether something can come in, by callbacks or by sessions."""
    return issubclass(plugin, TakesCallbacks) or holds_sessions(plugin)


def _sender(plugin: type[Provider]) -> str:
    return NAME if plugin.capabilities.alphanumeric_sender else SENDER


def _strange(fake: type[Fake]) -> str:
    """A word for a status that the provider does not document: a number where it uses numbers."""
    return "9999" if all(word.isdigit() for word in fake.words) else "zzunheardof"


def _secrets(plugin: type[Provider], settings: dict[str, Any]) -> list[str]:
    return [
        str(settings[key])
        for key, rules in plugin.settings_schema.items()
        if rules.get("meta", {}).get("secret") and key in settings
    ]
