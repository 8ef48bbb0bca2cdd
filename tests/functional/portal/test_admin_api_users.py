"""The tab API: API users are made, renamed and removed; their keys are shown once, rotated with an overlap, removed (spec A4, V2)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock, zone_called
from messa_platform.core.site import SiteSettings
from messa_platform.portal.admin.api_users.listing import AT_A_TIME
from messa_platform.portal.admin.api_users.words import OVERLAPS, SCOPES, field_of
from messa_platform.runtime import Runtime
from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import LONGEST_NAME, ApiUser
from messa_platform.tenants.group_settings import Key
from tests.support.api_users import Keyring
from tests.support.observe import statements
from tests.support.operators import an_operator, at_the_pages
from tests.support.portal import field_of as hidden
from tests.support.portal import seen
from tests.support.town import CHIEF, HEAD, Desk, Town, build_town, make_admin
from tests.support.visitors import path_of
from tests.support.world import World

NOBODY = "00000000-0000-7000-8000-000000000000"
SCHOOL, MASTER, CARE = "/t/kommun/skolan/@@api", "/t/kommun/@@api", "/t/kommun/omsorgen/@@api"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


@pytest.fixture
def ring(world: World) -> Keyring:
    return Keyring(world)


@pytest.fixture
def alarm(town: Town, ring: Keyring) -> ApiUser:
    """An API user of the school."""
    return ring.user(town.school)


def at(user: ApiUser, *more: object) -> str:
    """An API user's page, or one below it."""
    return "/".join((SCHOOL, str(user.id), *map(str, more)))


def word_on(page: TestResponse) -> str:
    """The key that the page shows."""
    found = re.search(r'<code id="key">([^<]+)</code>', page.text)
    assert found, f"{page.status}\n{seen(page)[:2000]}"
    return found[1]


def key_of(town: Town, user: ApiUser) -> UUID:
    """The id of the newest key."""
    found: UUID = town.world.value(
        "SELECT id FROM api_key WHERE account_id = :id ORDER BY id DESC LIMIT 1", id=user.id
    )
    return found


def actions(town: Town) -> list[str]:
    return [
        row.action
        for row in town.world.rows("SELECT action FROM audit_entry WHERE action LIKE 'api%' ORDER BY id")
    ]


# API users


def test_the_tab_says_what_it_is_for_and_where_programs_send(town: Town) -> None:
    page = town.head.get(SCHOOL)
    base = town.runtime.settings[SiteSettings].public_url
    assert page.html.find(id="legacy-address").text == f"{base}/data_db/api.aspx"
    assert page.html.find(id="v2-address").text == f"{base}/v2/"
    assert "An API user is for a program" in seen(page)
    assert "No API users yet" in seen(page)


def test_every_admin_of_the_group_has_the_tab_between_admins_and_users(town: Town) -> None:
    for desk, where in ((town.head, SCHOOL), (town.chief, SCHOOL), (town.chief, MASTER)):
        tabs = [a["href"].rpartition("@@")[2] for a in desk.get(where).html.select("nav.tabs a")]
        assert tabs[tabs.index("admins") : tabs.index("users") + 1] == ["admins", "api", "users"]
        assert desk.get(where).html.find("a", attrs={"aria-current": "page", "href": where})


def test_an_api_user_is_made_and_asks_for_a_key(town: Town) -> None:
    page = town.head.sent(SCHOOL, name="  Larm\tsystemet ")
    assert "Give it a key, so that it can send." in seen(page)
    assert page.html.h1.text == "Larm systemet"
    assert "No keys yet" in seen(page)
    words = seen(town.head.get(SCHOOL))
    assert "Larm systemet – None Never" in words and "No API users yet" not in words
    assert actions(town) == ["api_user_added"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (" ", "Write a name."),
        ("x" * (LONGEST_NAME + 1), f"Shorten the name to {LONGEST_NAME} characters at the most."),
        ("LARMSYSTEMET", "The group has another API user of that name."),
    ],
)
def test_a_name_that_will_not_do_stays_in_its_form_with_the_reason(
    town: Town, ring: Keyring, alarm: ApiUser, name: str, sentence: str
) -> None:
    other = ring.user(town.school, "Journalen")
    for page, fields in ((SCHOOL, {}), (at(other), {"version": str(other.version)})):
        answer = town.head.send(page, name=name, **fields)
        assert answer.status_int == 422 and sentence in seen(answer)
        assert answer.html.find(id="name")["value"] == name
        assert answer.html.find(id="name-error")
    assert actions(town) == ["api_user_added"] * 2


def test_a_group_that_has_as_many_as_may_be_is_told_so(
    town: Town, alarm: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "MOST", 1)
    answer = town.head.send(SCHOOL, name="En till")
    assert answer.status_int == 422 and "The group has 1 API users" in seen(answer)


def test_it_gets_another_name(town: Town, alarm: ApiUser) -> None:
    version = hidden(town.head.get(at(alarm)), "version")
    page = town.head.sent(at(alarm), name="Larm 112", version=version)
    assert page.html.h1.text == "Larm 112" and "Saved." in seen(page, "body")
    assert actions(town)[-1] == "api_user_renamed"


def test_who_was_overtaken_sees_what_is_different_and_may_insist(town: Town, alarm: ApiUser) -> None:
    old = hidden(town.head.get(at(alarm)), "version")
    town.chief.sent(at(alarm), name="Larm 112", version=old)
    answer = town.head.send(at(alarm), name="Brandlarmet", version=old)
    words = seen(answer)
    assert answer.status_int == 409 and "nothing of yours was saved" in words
    assert "Name Brandlarmet Larm 112" in words
    assert "an admin of an overlying group: Gave the API user the name Larm 112" in words
    assert CHIEF not in answer.text
    page = town.head.sent(at(alarm), name="Brandlarmet", version=hidden(answer, "version"))
    assert page.html.h1.text == "Brandlarmet"


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "²"])
def test_a_version_that_is_none_changes_nothing(town: Town, alarm: ApiUser, version: str) -> None:
    for page, fields in ((at(alarm), {"name": "Nytt"}), (at(alarm, "remove"), {})):
        assert town.head.send(page, version=version, **fields).status_int == 409
    assert actions(town) == ["api_user_added"]


def test_before_it_is_removed_the_page_tells_what_goes_with_it(
    town: Town, ring: Keyring, alarm: ApiUser, clock: FixedClock
) -> None:
    town.world.numbers()
    town.world.channel()
    town.world.set(town.school, Key.MAY_RECEIVE, True)
    town.world.words(alarm.id, ["+46701740605"])
    word = ring.key(town.school, alarm).word
    ring.key(town.school, alarm, expires_at=clock.now() + timedelta(hours=1))
    clock.move(timedelta(hours=2))
    page = town.head.get(at(alarm)).click("Remove the API user")
    words = seen(page)
    assert "1 key that works now opens nothing any more." in words
    assert "It gives its number +46" in words
    after = town.head.sent(at(alarm, "remove"), version=hidden(page, "version"))
    assert "Removed, with its keys." in seen(after, "body") and "No API users yet" in seen(after)
    assert ring.recognise(word) is None
    town.head.get(at(alarm), 404)


def test_one_that_was_renamed_meanwhile_is_not_removed(town: Town, alarm: ApiUser) -> None:
    old = hidden(town.head.get(at(alarm, "remove")), "version")
    town.chief.sent(at(alarm), name="Larm 112", version=old)
    answer = town.head.send(at(alarm, "remove"), version=old)
    assert answer.status_int == 409 and "it was not removed" in seen(answer)
    assert answer.html.h1.text == "Remove Larm 112?"
    assert "api_user_removed" not in actions(town)
    assert "It has no key that works" in seen(answer)


def test_the_list_tells_numbers_keys_in_use_and_when_one_was_used(
    town: Town, ring: Keyring, alarm: ApiUser, clock: FixedClock
) -> None:
    town.world.numbers()
    town.world.channel()
    town.world.set(town.school, Key.MAY_RECEIVE, True)
    town.world.words(alarm.id, ["+46701740605"])
    number = town.world.value("SELECT msisdn FROM number WHERE account_id = :id", id=alarm.id)
    first, second = ring.key(town.school, alarm), ring.key(town.school, alarm, KeyKind.V2)
    ring.recognise(first.word)
    ring.change(keys.rotate, town.school, alarm.id, second.id, timedelta())
    cells = [cell.text for cell in town.head.get(SCHOOL).html.select("main tbody tr > *")]
    assert cells[0] == "Larmsystemet" and cells[2] == "2" and cells[3].startswith("today ")
    assert re.sub(r"\D", "", cells[1]) == number.lstrip("+")


def test_many_are_shown_page_by_page_at_the_same_cost(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    def cost() -> int:
        with statements(town.runtime.database.engine) as found:
            page = desk.get(SCHOOL)
        assert len(page.body) < 100_000
        return len(found)

    desk = town.head
    few = cost()
    town.world.run(
        "INSERT INTO account (id, kind, tenant_id, group_id, address, display_name) SELECT gen_random_uuid(), 'api', :tenant, :group,"
        " 'api:' || n, 'A' || lpad(n::text, 59, '0') FROM generate_series(2, 200) AS n",
        tenant=town.school.tenant_id,
        group=town.school.id,
    )
    assert cost() == few
    names, page = [], desk.get(SCHOOL)
    for _ in range(200 // AT_A_TIME):
        names += [a.text for a in page.html.select("main tbody a")]
        page = page.click("Show more API users") if "Show more" in page.text else page
    assert len(names) == len(set(names)) == 200
    assert "Back to the first" in seen(page) and "Show more" not in seen(page)


# Keys


def test_a_session_key_is_shown_in_the_answer_to_its_form_and_never_again(
    town: Town,
    ring: Keyring,
    alarm: ApiUser,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    desk = town.head
    answer = desk.send(at(alarm, "new-session-key"), name="Larmservern")
    assert answer.status_int == 200 and answer.headers["Cache-Control"] == "no-store"
    word = word_on(answer)
    holder = ring.recognise(word)
    assert holder is not None and holder.account_id == alarm.id
    example = answer.html.find(id="example").text
    base = town.runtime.settings[SiteSettings].public_url
    assert example.startswith(f"curl {base}/data_db/api.aspx ") and f"'api_user={word}'" in example
    button = answer.html.find("button", attrs={"data-copy": "key"})
    assert "js-only" in button["class"]

    for path in (SCHOOL, at(alarm), at(alarm, key_of(town, alarm)), "/t/kommun/skolan/@@audit"):
        page = desk.get(path)
        assert word not in page.text and (path == SCHOOL or f"{word[-4:]}" in page.text)
    kept = town.world.rows(
        "SELECT k::text FROM api_key k UNION ALL SELECT e::text FROM audit_entry e UNION ALL SELECT a::text FROM account a"
    )
    logged = "".join((*capfd.readouterr(), caplog.text))
    assert word not in str(kept) and word not in logged


def test_a_key_of_v2_may_do_what_was_ticked(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    ticked = {field_of(Scope.MESSAGES_SEND): "1", field_of(Scope.USAGE_READ): "1"}
    answer = town.head.send(at(alarm, "new-v2-key"), name="Rapporter", **ticked)
    word = word_on(answer)
    assert answer.html.find(id="example").text == f"Authorization: Bearer {word}"
    holder = ring.recognise(word, KeyKind.V2)
    assert holder is not None and holder.scopes == {Scope.MESSAGES_SEND, Scope.USAGE_READ}
    row = seen(town.head.get(at(alarm)), "tbody")
    assert f"Rapporter …{word[-4:]} v2 key Send messages, read usage" in row
    assert f"by {HEAD}" in row
    listed = [li.text for li in town.head.get(at(alarm, key_of(town, alarm))).html.select("main dd li")]
    assert listed == ["Send messages", "Read usage"]


def test_each_scope_has_a_box_and_all_of_them_are_everything(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    assert [scope for group in SCOPES.values() for scope in group] == list(Scope)
    page = town.head.get(at(alarm, "new-v2-key"))
    boxes = [box["name"] for box in page.html.select("main fieldset input[type=checkbox]")]
    assert boxes == [field_of(scope) for scope in Scope]
    word_on(town.head.send(at(alarm, "new-v2-key"), **dict.fromkeys(boxes, "1")))
    assert "v2 key Everything" in seen(town.head.get(at(alarm)), "tbody")


def test_a_session_key_asks_for_no_scopes_and_takes_none(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    assert not town.head.get(at(alarm, "new-session-key")).html.select("main input[type=checkbox]")
    answer = town.head.send(at(alarm, "new-session-key"), **{field_of(Scope.BILLING_READ): "1"})
    holder = ring.recognise(word_on(answer))
    assert holder is not None and holder.scopes == frozenset()


def test_a_key_works_through_its_last_day_by_the_organisations_clock(
    town: Town, ring: Keyring, alarm: ApiUser, clock: FixedClock
) -> None:
    town.world.run(
        "UPDATE tenant SET time_zone = 'America/New_York' WHERE id = :id", id=town.school.tenant_id
    )
    today = clock.now()
    answer = town.head.send(at(alarm, "new-session-key"), expires=f"{today:%Y-%m-%d}")
    word = word_on(answer)
    assert "today 23:59" in seen(town.head.get(at(alarm)), "tbody")
    expires = town.world.value("SELECT expires_at FROM api_key")
    assert f"{expires.astimezone(zone_called('America/New_York')):%H:%M:%S}" == "23:59:59"
    clock.move(expires - today)
    assert ring.recognise(word) is None
    page = town.head.get(at(alarm))
    assert "Expired" in seen(page, "tbody")
    assert "Rotate" not in seen(page.click(f"…{word[-4:]}"))


@pytest.mark.parametrize(
    ("kind", "fields", "wrong", "sentence"),
    [
        ("new-v2-key", {}, field_of(Scope.MESSAGES_SEND), "Tick what the key is to be used for"),
        ("new-session-key", {"name": "x" * 61}, "name", "Shorten the name to 60 characters"),
        ("new-session-key", {"expires": "2020-01-01"}, "expires", "Choose today or a later day."),
        ("new-session-key", {"expires": "i morgon"}, "expires", "Write the day like this"),
        ("new-session-key", {"expires": "9999-12-31"}, "expires", "Write the day like this"),
    ],
)
def test_what_is_asked_wrongly_makes_no_key_and_stays_in_the_form(
    town: Town, alarm: ApiUser, kind: str, fields: dict[str, str], wrong: str, sentence: str
) -> None:
    answer = town.head.send(at(alarm, kind), **{"name": "Larmservern", **fields})
    assert answer.status_int == 422 and sentence in seen(answer)
    assert answer.html.find(id=wrong)["aria-invalid"] == "true"
    for name, value in fields.items():
        assert answer.html.find(id=name)["value"] == value
    assert town.world.rows("SELECT 1 FROM api_key") == []


def test_with_as_many_keys_as_may_be_there_is_no_way_to_another(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    for _ in range(keys.MOST):
        ring.key(town.school, alarm, KeyKind.V2)
    page = town.head.get(at(alarm))
    assert "It has 20 keys, and cannot have more." in seen(page) and "New session key" not in seen(page)
    assert len(page.body) < 100_000
    for path, fields in (("new-session-key", {}), (key_of(town, alarm), {"do": "rotate", "overlap": "0"})):
        answer = town.head.send(at(alarm, path), **fields)
        assert answer.status_int == 422 and "The API user has 20 keys" in seen(answer)


@pytest.mark.parametrize("hours", OVERLAPS)
def test_a_rotated_key_works_on_beside_the_new_one_as_long_as_was_chosen(
    town: Town, ring: Keyring, alarm: ApiUser, hours: str
) -> None:
    old = ring.key(town.school, alarm, name="Larmservern")
    answer = town.head.send(at(alarm, old.id), do="rotate", overlap=hours)
    new = word_on(answer)
    assert answer.headers["Cache-Control"] == "no-store" and old.word not in answer.text
    overlap = timedelta(hours=int(hours))
    assert ring.recognise(new, later=overlap) is not None
    assert ring.recognise(old.word, later=overlap) is None
    if overlap:
        assert ring.recognise(old.word, later=overlap - timedelta(seconds=1)) is not None
    rows = seen(town.head.get(at(alarm)), "tbody")
    assert rows.count("Larmservern …") == 2 and rows.count("Expired") == (0 if overlap else 1)
    assert actions(town)[-2:] == ["api_key_rotated", "api_key_added"]


@pytest.mark.parametrize("overlap", ["", "2", "99999999", "x"])
def test_another_overlap_than_those_offered_is_refused(
    town: Town, ring: Keyring, alarm: ApiUser, overlap: str
) -> None:
    old = ring.key(town.school, alarm)
    answer = town.head.send(at(alarm, old.id), do="rotate", overlap=overlap)
    assert answer.status_int == 422 and "Choose one of the alternatives." in seen(answer)
    assert len(ring.keys_of(alarm.id)) == 1


def test_a_removed_key_opens_nothing_and_is_gone_from_the_list(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    key = ring.key(town.school, alarm)
    page = town.head.get(at(alarm, key.id))
    assert "Remove the key …" in page.html.find("button", value="remove")["data-confirm"]
    after = town.head.sent(at(alarm, key.id), do="remove")
    assert "The key is removed" in seen(after, "body") and "No keys yet" in seen(after)
    assert ring.recognise(key.word) is None
    town.head.get(at(alarm, key.id), 404)


# Who may


def test_keys_made_by_somebody_above_or_by_the_operator_are_another_admins(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    operator = Desk(at_the_pages(town.runtime, an_operator(town.world)))
    for desk in (town.chief, operator):
        word_on(desk.send(at(alarm, "new-session-key")))
    page = town.head.get(at(alarm))
    assert seen(page).count("by another admin") == 2
    for hidden_one in (CHIEF, "drift@messa.example"):
        assert hidden_one not in page.text and hidden_one not in town.head.get(at(alarm, key_of(town, alarm)))
    assert f"by {CHIEF}" in seen(town.chief.get(at(alarm)))
    make_admin(town.world, town.school, town.chief_id)
    assert f"by {CHIEF}" in seen(town.head.get(at(alarm)))


def test_a_subadmin_neither_sees_nor_changes_the_api_users_of_other_groups(town: Town, ring: Keyring) -> None:
    desk = town.head
    own = ring.user(town.school, "Egen")
    for group, base in ((town.master, MASTER), (town.care, CARE), (town.elsewhere, "/t/annan/@@api")):
        beyond = ring.user(group, "Hemlig")
        key = ring.key(group, beyond)
        for page in (base, f"{base}/{beyond.id}", f"{base}/{beyond.id}/{key.id}"):
            desk.get(page, 404)
        missing = [desk.get(f"{SCHOOL}/{one}", 404).text for one in (beyond.id, NOBODY)]
        assert missing[0].replace(str(beyond.id), NOBODY) == missing[1]
        for more in ("", "/remove", "/new-session-key", f"/{key.id}"):
            for do in ("remove", "rotate"):
                fields = {"name": "Min", "version": "1", "do": do, "overlap": "0"}
                answer = desk.send(at(own), f"{SCHOOL}/{beyond.id}{more}", **fields)
                assert answer.status_int == 404
        # nor by the page of an API user of one's own
        desk.get(at(own, key.id), 404)
        assert desk.send(at(own), at(own, key.id), do="remove").status_int == 404
        assert ring.recognise(key.word) is not None
    assert "Hemlig" not in desk.get(SCHOOL).text
    assert set(actions(town)) == {"api_user_added", "api_key_added"}


@pytest.mark.parametrize(
    "rest", ["x", "x/remove", f"{NOBODY}/", f"{NOBODY}/x", "{id}/x", "{id}/x/y", f"{{id}}/{NOBODY}"]
)
def test_what_leads_nowhere_is_not_found(town: Town, alarm: ApiUser, rest: str) -> None:
    town.head.get(f"{SCHOOL}/{rest.format(id=alarm.id)}", 404)


def test_the_operator_looks_after_the_api_users_of_any_organisation(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    operator = Desk(at_the_pages(town.runtime, an_operator(town.world)))
    assert "Larmsystemet" in seen(operator.get(SCHOOL))
    word = word_on(operator.send(at(alarm, "new-session-key")))
    assert ring.recognise(word) is not None
    entry = town.world.rows("SELECT actor FROM audit_entry ORDER BY id DESC LIMIT 1")[0]
    assert entry.actor == "operator"


def test_who_was_dismissed_while_the_form_was_open_makes_nothing(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    desk = town.head
    token = hidden(desk.get(at(alarm)), "csrf_token")
    town.world.run("DELETE FROM group_admin WHERE account_id = :id", id=town.head_id)
    for page in (SCHOOL, at(alarm), at(alarm, "new-session-key"), at(alarm, "remove")):
        fields = {"csrf_token": token, "name": "Nytt", "version": str(alarm.version)}
        assert desk.visitor.post(page, fields).status_int == 404
    assert actions(town) == ["api_user_added"] and ring.keys_of(alarm.id) == []


def test_a_form_without_its_token_makes_nothing(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    answer = town.head.visitor.post(at(alarm, "new-session-key"), {"name": "Nytt"})
    assert answer.status_int == 400 and ring.keys_of(alarm.id) == []


def test_a_key_that_somebody_else_has_just_removed_is_said_to_be_gone(
    town: Town, ring: Keyring, alarm: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ring.key(town.school, alarm)
    for name in ("rotate", "remove"):
        monkeypatch.setattr(keys, name, lambda *_: keys.Refusal.UNKNOWN)
    for do in ("rotate", "remove"):
        answer = town.head.send(at(alarm, key.id), do=do, overlap="0")
        assert answer.status_int == 303
        assert path_of(answer) == f"{at(alarm)}?said=api-key-gone"
        assert "That key was removed already." in seen(town.head.get(path_of(answer)), "body")


# In words


def test_what_was_done_stands_in_the_audit_log_in_words(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    desk = town.head
    word_on(desk.send(at(alarm, "new-v2-key"), **{field_of(Scope.MESSAGES_SEND): "1"}))
    first = key_of(town, alarm)
    word_on(desk.send(at(alarm, first), do="rotate", overlap="24"))
    desk.sent(at(alarm, first), do="remove")
    desk.sent(at(alarm), name="Larm 112", version=str(alarm.version))
    desk.sent(at(alarm, "remove"), version=str(alarm.version + 1))
    words = seen(desk.get("/t/kommun/skolan/@@audit?kind=api"))
    for part in (
        "Added the API user Larmsystemet",
        "Made a key for the API user Larmsystemet The key ends with:",
        "Kind: v2 key May be used for: Send messages",
        "Rotated a key of the API user Larmsystemet",
        "The old key works until: 2026-11-28 12:00",
        "Removed a key of the API user Larmsystemet",
        "Gave the API user the name Larm 112 Name: Larmsystemet",
        "Removed the API user Larm 112 Keys that went with it: 1",
    ):
        assert part in words, part


def test_it_speaks_swedish(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    town.world.run("UPDATE account SET language = 'sv' WHERE id = :id", id=town.head_id)
    key = ring.key(town.school, alarm, KeyKind.V2)
    desk = town.head
    assert "API-användare" in seen(desk.get(SCHOOL))
    assert "v2-nyckel Allt" in seen(desk.get(at(alarm)), "tbody")
    assert "Skicka meddelanden" in seen(desk.get(at(alarm, "new-v2-key")))
    assert "Fungerar ett dygn till" in seen(desk.get(at(alarm, key.id)))
    assert "Det går inte att ångra." in seen(desk.get(at(alarm, "remove")))
