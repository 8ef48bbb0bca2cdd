"""What was changed, in words (spec G12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from messa_platform.core.i18n import LANGUAGES, speech
from messa_platform.portal.admin import audit
from messa_platform.portal.admin.audit_words import ACTORS, PEOPLE, SENTENCES, SETTINGS, UNNAMED, told
from messa_platform.tenants import move_groups
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Action, Author
from messa_platform.tenants.audit_view import Entry, Named, Standing, Who
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Lock
from messa_platform.tenants.people.plan import Word
from messa_platform.tenants.places import place_of
from tests.support.audit_page import HERE, whats
from tests.support.portal import seen
from tests.support.town import CHIEF, Town


def an_entry(action: Action, subject: str = "it", before: Any = None, after: Any = None) -> Entry:
    at = datetime(2026, 11, 22, 11, tzinfo=UTC)
    return Entry(uuid4(), at, Who.SYSTEM, "", Named(Standing.SEEN, "Skolan"), action, subject, before, after)


def details(action: Action, subject: str = "it", before: Any = None, after: Any = None) -> list[str]:
    """What has changed, in English words."""
    words = told(speech("en"), an_entry(action, subject, before, after))
    return [audit._detail(detail) for detail in words.details]


# Words


@pytest.mark.parametrize("action", Action)
def test_every_action_has_words_and_a_kind(action: Action) -> None:
    assert action in SENTENCES
    assert sum(action in kind.actions for kind in audit.KINDS) == 1
    words = told(speech("en"), an_entry(action, "somebody@x.example")).what
    assert words and "_" not in words and "%" not in words


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_have_the_same_places_for_values_in_every_language(language: str) -> None:
    spoken = speech(language)
    for sentence in SENTENCES.values():
        assert ("%(subject)s" in sentence) == ("#" in spoken.gettext(sentence, subject="#"))


def test_every_setting_and_every_outcome_of_adding_people_has_a_label() -> None:
    assert SETTINGS.keys() == set(Key)
    assert PEOPLE.keys() == set(Word)
    assert ACTORS.keys() == set(Who) - {Who.ADMIN, Who.API_USER}


def test_what_a_newer_version_has_written_is_still_shown() -> None:
    entry = an_entry(Action.GROUP_ADDED, "Klass 7", after={"colour_of_door": "red", "left": None})
    words = told(speech("en"), replace(entry, action="group_painted"))
    assert words.what == "Changed Klass 7"
    assert [audit._detail(detail) for detail in words.details] == ["colour of door: red", "left: nothing"]


@pytest.mark.parametrize(
    ("key", "before", "after", "words"),
    [
        (Key.COUNTRY_CODE, None, "47", "inherited → +47"),
        (Key.MAY_RECEIVE, False, True, "no → yes"),
        (Key.SENDER_NAME, "Skolan", None, "Skolan → inherited"),
        (Key.TOO_LONG, "refuse", "cut", "are not sent → are cut"),
        (Key.SIGNATURE, "", "/skolan", "nothing (subadmins may change it) → /skolan (subadmins may change it)"),
        (Key.GROUP_QUOTA, None, {"sms": 0}, "no limit → not allowed to send"),
        (
            Key.GROUP_QUOTA,
            {"sms": 1, "window_days": 1, "max_parts": 9},
            {"sms": 5000, "window_days": 30, "max_parts": 3},
            "1 SMS a day → 5,000 SMS in 30 days, at most 3 SMS a message",
        ),
        (Key.ACCOUNT_QUOTA, {"sms": None, "max_parts": 1}, {"sms": 7}, "unlimited, at most 1 SMS a message → 7 SMS"),
    ],
)  # fmt: skip
def test_settings_are_told_as_their_page_says_them(key: Key, before: Any, after: Any, words: str) -> None:
    held = [None if value is None else {"value": value, "lock": "subadmin"} for value in (before, after)]
    assert details(Action.SETTING_SET, key.value, *held) == [words]


def test_a_lock_is_told() -> None:
    before, after = ({"value": "x", "lock": lock.value} for lock in (Lock.SUBADMIN, Lock.LOCKED))
    assert details(Action.SETTING_SET, "sender_name", before, after) == ["x → x (locked)"]
    entry = an_entry(Action.SETTING_SET, "sender_name", before, after)
    assert told(speech("en"), entry).what == "Changed the setting Sender name"


def test_a_quota_that_counts_anew_and_a_lock_from_further_up_are_told() -> None:
    held = {"value": {"sms": 5}, "lock": "locked"}
    before = {**held, "since": "2026-11-01T11:00:00+00:00", "authority": Named(Standing.SEEN, "Skolan")}
    after = {**held, "since": "2026-11-22T11:00:00+00:00", "authority": Named(Standing.OVERLYING)}
    assert details(Action.SETTING_SET, "account_quota", before, after)[1:] == [
        "Counts from: 2026-11-01 12:00 → 2026-11-22 12:00",
        "Decided by the admins of: Skolan → an overlying group",
    ]


def test_groups_are_told_by_their_names_or_as_what_they_are() -> None:
    before = {"parent": Named(Standing.OVERLYING)}
    after = {"parent": Named(Standing.SEEN, "Skolor", is_gone=True)}
    assert details(Action.GROUP_MOVED, "x", before, after) == ["Below: an overlying group → Skolor (removed)"]
    went = {"people": Named(Standing.OTHER), "groups": Named(Standing.ELSEWHERE)}
    assert details(Action.GROUP_REMOVED, "x", None, went) == [
        "Its users went to: another group",
        "Its subgroups went to: another organisation",
    ]


def test_only_what_differs_is_told() -> None:
    before = {"name": "A", "issuer": "https://a.example", "enabled": False}
    after = {"name": "A", "issuer": "https://b.example", "enabled": True, "secret": "changed"}
    assert details(Action.SIGN_ON_SET, "x", before, after) == [
        "Issuer: https://a.example → https://b.example",
        "Switched on: no → yes",
        "Client secret: changed",
    ]
    assert details(Action.PEOPLE_ADDED, "", None, {"add": 12000, "bad": 3, "gone": 0}) == [
        "New users: 12,000",
        "No address: 3",
    ]
    assert details(Action.DOMAIN_VERIFIED, "x", None, {"proof": "dns"}) == ["Proven by: a DNS record"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("action", Action)
def test_what_may_not_be_named_has_words_of_its_own(action: Action, language: str) -> None:
    hidden = Named(Standing.OTHER)
    before, after = {"name": hidden}, {"name": hidden, "parent": hidden}
    words = told(speech(language), replace(an_entry(action, "", before, after), subject=hidden))
    assert words.what and "%(" not in words.what
    if action in UNNAMED:
        of_it = {"en": "another group", "sv": "en annan grupp"}[language]
        assert of_it in words.what and "group another" not in words.what and "gruppen en" not in words.what


def test_a_removed_neighbour_whose_people_came_here_is_another_group(town: Town) -> None:
    boss = Author(Actor.ADMIN, town.chief_id, CHIEF, town.master.id)
    with town.world.database.unit_of_work() as session:
        care, school = (place_of(session, g.tenant_id, g.id) for g in (town.care, town.school))
        assert care and school
        move_groups.remove(session, town.world.clock.now(), boss, care, school, school, 1)
    head = town.head
    assert whats(head.get(HERE)) == [
        "Removed another group Users moved: 0 Its subgroups went to: Skolan Its users went to: Skolan"
    ]
    for query in ("", "?q=omsorg", "?as=text", "?q=omsorg&as=text"):
        answer = head.get(HERE + query)
        assert "Omsorgen" not in (answer.text if "as=text" in query else answer.html.main.get_text())
    assert "Removed the group Omsorgen" in seen(town.chief.get(HERE))
