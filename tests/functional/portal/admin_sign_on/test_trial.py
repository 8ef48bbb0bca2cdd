"""Trying single sign-on: what the provider answers, and what is wrong with it in words (spec I3)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.i18n import speech
from messa_platform.core.outbound import SENTENCES as NO_ANSWERS
from messa_platform.core.outbound import Fault
from messa_platform.portal.admin import sign_on
from messa_platform.portal.admin.sign_on import AT_ONCE, PROBLEMS, SENTENCES
from messa_platform.tenants.access.oidc_trial import Problem
from messa_platform.tenants.access.sign_on_setup import Outcome
from tests.support.oidc_provider import Canned, OidcProvider
from tests.support.portal import seen
from tests.support.sign_on_pages import DOCUMENT, entries, held, here, save, test_of, words_of
from tests.support.town import HEAD, Town
from tests.support.visitors import Visitor, a_runtime


def canned(idp: OidcProvider, path: str, status: int = 200, **changed: Any) -> None:
    document = {**idp.configuration(), **changed}
    body = json.dumps({name: value for name, value in document.items() if value is not None}).encode()
    idp.canned[path] = Canned(status, body)


def test_a_provider_that_is_as_it_should_be_passes(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    answer = test_of(town)
    assert answer.status_int == 200
    assert "The provider answers as it should." in seen(answer)
    assert idp.asked == [DOCUMENT, "/keys"]


@pytest.mark.parametrize(
    ("changed", "problem", "detail"),
    [
        ({"issuer": "https://other.example"}, Problem.OTHER_ISSUER, "https://other.example"),
        ({"issuer": ["x"]}, Problem.OTHER_ISSUER, "–"),
        ({"token_endpoint": None}, Problem.NO_ENDPOINT, "token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, Problem.NO_ENDPOINT, "authorization_endpoint"),
        ({"jwks_uri": 7}, Problem.NO_ENDPOINT, "jwks_uri"),
        ({"response_types_supported": ["id_token"]}, Problem.NO_CODE, ""),
        ({"id_token_signing_alg_values_supported": ["HS256", 1]}, Problem.NO_ALGORITHM, "HS256, 1"),
    ],
)
def test_what_is_wrong_with_its_document_is_told(
    town: Town, idp: OidcProvider, changed: dict[str, Any], problem: Problem, detail: str
) -> None:
    save(town, idp)
    canned(idp, DOCUMENT, **changed)
    assert speech("en").gettext(PROBLEMS[problem], detail=detail) in words_of(test_of(town))


@pytest.mark.parametrize(
    ("path", "answer", "problem", "detail"),
    [
        (DOCUMENT, Canned(404, b"{}"), Problem.STATUS, "404"),
        (DOCUMENT, Canned(200, b"<html>"), Problem.NO_DOCUMENT, ""),
        (DOCUMENT, Canned(200, b"[" * 100_000), Problem.NO_DOCUMENT, ""),
        (DOCUMENT, Canned(302, b"", headers=[("Location", "http://127.0.0.1/")]), Problem.NO_ANSWER, NO_ANSWERS[Fault.REDIRECT]),
        ("/keys", Canned(500, b"{}"), Problem.KEYS_AWAY, "500"),
        ("/keys", Canned(200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}, 7]}'), Problem.NO_KEYS, ""),
        ("/keys", Canned(302, b"", headers=[("Location", "/")]), Problem.KEYS_AWAY, NO_ANSWERS[Fault.REDIRECT]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_its_answers_is_told(
    town: Town, idp: OidcProvider, path: str, answer: Canned, problem: Problem, detail: str
) -> None:
    save(town, idp)
    idp.canned[path] = answer
    assert speech("en").gettext(PROBLEMS[problem], detail=detail) in words_of(test_of(town))


def test_a_provider_in_an_internal_network_is_not_asked(
    town: Town, idp: OidcProvider, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    save(town, idp, issuer="https://localhost:1")
    with a_runtime(database_url, tmp_path / "key", clock) as guarded:
        visitor = Visitor(guarded)
        visitor.sign_in(HEAD)
        answer = visitor.send(here(town), {"do": "test"})
    assert NO_ANSWERS[Fault.INTERNAL] in seen(answer)
    assert idp.asked == []


def test_what_a_provider_calls_itself_is_no_html(town: Town, idp: OidcProvider) -> None:
    save(town, idp)
    canned(idp, DOCUMENT, issuer="<script>x</script>" * 100)
    answer = test_of(town)
    assert "<script>x" not in answer.text and "&lt;script&gt;x" in answer.text
    assert len(answer.body) < 20_000


def test_no_connection_to_the_database_is_held_while_a_provider_is_asked(
    town: Town, idp: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(town, idp)
    pool: Any = town.runtime.database.engine.pool
    held_then: list[int] = []
    monkeypatch.setattr(sign_on, "try_out", lambda *_: held_then.append(pool.checkedout()) or ())
    before = pool.checkedout()
    assert test_of(town).status_int == 200
    assert held_then == [before]


def test_testing_changes_nothing_and_asks_nobody_without_a_provider(town: Town, idp: OidcProvider) -> None:
    assert test_of(town).status_int == 303
    assert (held(town), entries(town), idp.asked) == ([], [], [])


def test_not_too_many_test_at_the_same_time(
    town: Town, idp: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(town, idp)
    inner: list[int] = []

    def while_another_tests(*_: Any) -> tuple[()]:
        inner.append(test_of(town).status_int)
        return ()

    monkeypatch.setattr(sign_on, "try_out", while_another_tests)
    assert test_of(town).status_int == 200
    assert inner == [429, *[200] * (AT_ONCE - 1)]
    monkeypatch.undo()
    assert test_of(town).status_int == 200


def test_everything_that_can_be_wrong_has_words() -> None:
    assert NO_ANSWERS.keys() == set(Fault)
    assert PROBLEMS.keys() == set(Problem)
    assert SENTENCES.keys() == set(Outcome) - {Outcome.SAVED, Outcome.GONE}
