"""Who may do what by v2: keys, scopes, limits; and a key of one subtree sees nothing of another (spec V2, V7, G10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from webtest import TestApp

from messa_platform.api_v2.pages import cursor_of
from messa_platform.api_v2.problems import Problem
from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.runtime import Runtime
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.models import KeyKind, Scope
from tests.functional.api_v2.conftest import ANNA, KARIN, Api, Program, example_of
from tests.support.visitors import PASSWORD, a_runtime, nowhere, signed_in, web


def every_operation(program: Program) -> list[tuple[str, str, str, object]]:
    """Method, path, scope and a body of each operation that the document knows."""
    document = program.app.get("/v2/openapi.json").json
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scope = operation["description"].rpartition("Scope: `")[2].rstrip("`.")
            found.append(
                (
                    method.upper(),
                    path.replace("{id}", str(new_id())),
                    scope,
                    example_of(document, operation),
                )
            )
    assert len(found) >= 8
    return found


@pytest.fixture
def patient(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """A process that lets strangers ask as often as these tests do."""
    with a_runtime(database_url, tmp_path / "other", clock, **{"rate.stranger_burst": "1000"}) as made:
        yield made


def test_without_a_key_that_works_nothing_is_told_of_anything(school: Program, patient: Runtime) -> None:
    school.app = TestApp(web(patient))
    for method, path, _, body in every_operation(school):
        for value in (
            "",
            "Bearer",
            "Bearer x",
            "Bearer msk_live_" + "a" * 40,
            f"Basic {school.key}",
            f"bearer  {school.key}x",
        ):
            answer = school.ask(method, path, body, 401, Authorization=value)
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="messa"'
            assert answer.json["type"].endswith("/unauthorized")
        for other in ("/v2/nothing", "/v2/messages/nothing", f"{path}/nothing"):
            assert (
                school.ask("GET", other, None, 401, Authorization="").content_type
                == "application/problem+json"
            )
    assert school.ask("GET", "/v2/messages", None, 200, Authorization=f"bearer {school.key}")


def test_each_operation_takes_its_scope_and_no_other(api: Api) -> None:
    one = api.program(api.school, "Alla")
    for scope in Scope:
        program = api.program(api.school, scope.value, scopes={scope})
        for method, path, needed, body in every_operation(one):
            answer = program.ask(method, path, body)
            if needed == scope.value:
                assert answer.status_int not in (401, 405, 429), (scope, path, answer.text)
                assert answer.status_int < 500 and "scope-missing" not in answer.text, (
                    scope,
                    path,
                    answer.text,
                )
            else:
                assert answer.status_int == 403, (scope, path)
                assert answer.json["scope"] == needed


def test_a_key_of_the_legacy_api_and_a_browsers_session_open_nothing_here(
    api: Api, school: Program, patient: Runtime
) -> None:
    legacy = api.ring.key(api.school, school.user).word
    school.ask("GET", "/v2/messages", None, 401, Authorization=f"Bearer {legacy}")
    hashed = api.runtime.passwords.hash(PASSWORD)
    account = api.world.account(api.school, "chef@kommun.example", password_hash=hashed)
    api.world.administer(api.school, account)
    visitor = signed_in(patient, "chef@kommun.example")
    assert visitor.app.get("/v2/messages", expect_errors=True).status_int == 401
    for method, path, _, body in every_operation(school):
        sent = {"params": body} if body is not None else {}
        ask = getattr(visitor.app, f"{method.lower()}_json" if sent else method.lower())
        assert ask(path, expect_errors=True, **sent).status_int == 401, (method, path)
    assert api.world.value("SELECT count(*) FROM message") == 0


def test_a_key_ends_with_its_time_its_removal_and_its_organisation(
    api: Api, school: Program, clock: FixedClock
) -> None:
    now = clock.now()
    short = api.ring.key(api.school, school.user, KeyKind.V2, expires_at=now + timedelta(hours=1))
    school.ask("GET", "/v2/messages", None, 200, Authorization=f"Bearer {short.word}")
    clock.move(timedelta(hours=1))
    school.ask("GET", "/v2/messages", None, 401, Authorization=f"Bearer {short.word}")
    api.ring.change(keys.remove, api.school, school.user.id, api.ring.keys_of(school.user.id)[0].id)
    school.get("/v2/messages", 401)
    other = api.program(api.school, "Annat")
    other.get("/v2/messages")
    api.world.run("UPDATE tenant SET state = 'closed' WHERE id = :id", id=api.school.tenant_id)
    other.get("/v2/messages", 401)


def test_a_key_reaches_its_group_and_those_below_and_nothing_else(api: Api, school: Program) -> None:
    """By id, list, filter, cursor and error text."""
    below, beside = api.world.group(api.school, "4A"), api.world.group(api.master, "Vården")
    elsewhere = api.world.tenant("annan", "Annan kommun")
    own, under = school.send(), api.program(below).send(KARIN)
    strangers = [
        api.program(group, "Hemligt").send("+46701740999", f"Hemligt {group.name}")
        for group in (api.master, beside, elsewhere)
    ]
    mine = school.get("/v2/messages")
    assert [m["id"] for m in mine["items"]] == [under["id"], own["id"]]
    # what those below have written is theirs alone
    assert [m["text"] for m in mine["items"]] == [None, "Hej"]
    page = school.get("/v2/messages?limit=1")
    for stranger in strangers:
        for path in (f"/v2/messages/{stranger['id']}", f"/v2/messages/{stranger['id']}/events"):
            assert school.get(path, 404) == school.get(f"/v2/messages/{new_id()}", 404)
        assert school.post(f"/v2/messages/{stranger['id']}/cancel", status=404)
        for narrowed in (
            f"group_id={stranger['group_id']}", f"account_id={stranger['account_id']}", "number=%2B46701740999",
            f"group_id={stranger['group_id']}&cursor={page['next']}",
        ):  # fmt: skip
            assert school.get(f"/v2/messages?{narrowed}") == {"items": [], "next": None}

    behind = school.get(f"/v2/messages?cursor={cursor_of(UUID(strangers[0]['id']))}")
    assert [m["id"] for m in behind["items"]] == [under["id"], own["id"]]


def test_a_batch_is_its_api_users_alone(api: Api, school: Program) -> None:
    batch = school.post("/v2/messages", {"recipients": [{"to": ANNA}], "text": "Hej"}, 202)
    for other in (
        api.program(api.school, "Annat"),
        api.program(api.master),
        api.program(api.world.tenant("annan", "Annan")),
    ):
        for path in (f"/v2/batches/{batch['id']}", f"/v2/batches/{batch['id']}/recipients"):
            assert other.get(path, 404)["type"].endswith("not-found")


def test_who_asks_too_often_is_told_when_to_come_back(
    api: Api, school: Program, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    limits = {
        "rate.key_rate": "0.5",
        "rate.key_burst": "2",
        "rate.stranger_burst": "2",
        "rate.stranger_rate": "0.5",
    }
    with a_runtime(database_url, tmp_path / "other", clock, **limits) as slow:
        school.app = TestApp(web(slow))
        answers = [school.ask("GET", "/v2/messages") for _ in range(3)]
        assert [(a.status_int, a.headers["RateLimit"].partition(";t")[0]) for a in answers] == [
            (200, '"key";r=1'), (200, '"key";r=0'), (429, '"key";r=0'),
        ]  # fmt: skip
        assert answers[2].headers["Retry-After"] == "2"
        assert answers[2].json["type"].endswith("rate-limited")
        strangers = [school.ask("GET", "/v2/messages", Authorization="Bearer x") for _ in range(3)]
        assert [a.status_int for a in strangers] == [401, 401, 429]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_another_method_is_told_which_there_are(school: Program, method: str) -> None:
    answer = school.ask(method, "/v2/messages", status=405)
    assert answer.headers["Allow"] == "GET, POST"
    school.ask(method, f"/v2/messages/{new_id()}", status=405)
    school.ask(method, "/v2/messages/nothing", status=404)


def test_a_database_that_is_away_is_told(
    school: Program, api: Api, tmp_path: Path, clock: FixedClock
) -> None:
    with a_runtime(nowhere(), tmp_path / "other", clock) as cut_off:
        school.app = TestApp(web(cut_off))
        answer = school.ask("GET", "/v2/messages", status=503)
        assert (answer.headers["Retry-After"], answer.json["type"].rpartition("/")[2]) == (
            "10",
            "unavailable",
        )


def test_a_fault_of_ours_is_told_and_not_shown(
    school: Program, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("hemligt")

    monkeypatch.setattr(api.runtime.rates, "ask", fails)
    answer = school.ask("GET", "/v2/messages", status=500)
    assert answer.json["type"].endswith("internal-error")
    assert "hemligt" not in answer.text


def test_each_problem_has_a_page_that_says_what_to_do(school: Program) -> None:
    index = school.app.get("/v2/problems").text
    for problem in Problem:
        page = school.app.get(f"/v2/problems/{problem.kind.slug}")
        assert problem.kind.title in page.text
        assert f"/v2/problems/{problem.kind.slug}" in index
