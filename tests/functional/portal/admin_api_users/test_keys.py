"""The keys of an API user: shown once, rotated with an overlap, removed (spec A4, V2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock, zone_called
from messa_platform.core.site import SiteSettings
from messa_platform.portal.admin.api_users.words import OVERLAPS, SCOPES, field_of
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import ApiUser
from tests.support.api_user_pages import SCHOOL, actions, at, key_of, word_on
from tests.support.api_users import Keyring
from tests.support.portal import seen
from tests.support.town import HEAD, Town


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
