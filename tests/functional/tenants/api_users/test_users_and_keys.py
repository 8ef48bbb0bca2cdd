"""API users and their keys: made, renamed, rotated, removed, recognised (spec A4, V2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.keys import Made, Wish
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import LONGEST_NAME, ApiUser, Conflict, Refusal
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.models import Group
from messa_platform.tenants.people import listing
from tests.support.api_users import Keyring
from tests.support.observe import together
from tests.support.world import World


@pytest.fixture
def ring(world: World) -> Keyring:
    return Keyring(world)


@pytest.fixture
def school(world: World) -> Group:
    return world.group(world.tenant(), "Skolan")


def actions(world: World) -> list[str]:
    return [
        row.action
        for row in world.rows("SELECT action FROM audit_entry WHERE action LIKE 'api%' ORDER BY id")
    ]


def test_an_api_user_is_a_member_that_no_list_of_people_shows(
    ring: Keyring, world: World, school: Group
) -> None:
    user = ring.user(school, "  Larm\nsystemet ")
    assert user.name == "Larm systemet"
    sender = world.sender(user.id)
    assert (sender.display_name, sender.settings.group_id, sender.blocked) == (
        "Larm systemet",
        school.id,
        False,
    )
    place = ring.place(school)
    with world.database.sessions() as session:
        confine(session, Confinement(school.tenant_id, None))
        with session.begin():
            shown = [
                person.address
                for words in ("", "api", "larm")
                for person in listing.page(session, place, listing.Wish(words=words)).people
            ]
            assert [u.name for u in users.of_group(session, place)] == ["Larm systemet"]
    assert not [address for address in shown if address.startswith("api")]
    assert actions(world) == ["api_user_added"]


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("", Refusal.NO_NAME),
        (" \t", Refusal.NO_NAME),
        ("x" * (LONGEST_NAME + 1), Refusal.TOO_LONG),
        ("LARMET", Refusal.TAKEN),
    ],
)
def test_a_name_that_will_not_do_is_refused_with_its_reason(
    ring: Keyring, world: World, school: Group, name: str, refusal: Refusal
) -> None:
    taken = ring.user(school, "Larmet")
    other = ring.user(school, "Journalen")
    assert ring.create(school, name) is refusal
    assert ring.change(users.rename, school, other.id, other.version, name) is refusal
    if refusal is Refusal.TAKEN:
        # its own name in other letters is a new one, and another group may have one of the same name
        assert isinstance(ring.change(users.rename, school, taken.id, taken.version, name), ApiUser)
        assert isinstance(ring.create(world.group(school, "4A"), name), ApiUser)


def test_who_takes_one_name_at_once_gets_one_api_user(ring: Keyring, world: World, school: Group) -> None:
    author = ring.author(school)
    answers = together([lambda: ring.create(school, "Larmet", author)] * 6)
    assert sum(isinstance(answer, ApiUser) for answer in answers) == 1
    assert answers.count(Refusal.TAKEN) == 5


def test_a_name_is_told_in_the_log_instead_of_an_address_and_a_new_one_from_then_on(
    ring: Keyring, world: World, school: Group
) -> None:
    user = ring.user(school, "Larmet")
    world.channel()
    world.words(user.id, ["+46701234567"])
    shown = "SELECT address FROM message_sender WHERE account_id = :id"
    assert world.value(shown, id=user.id) == "Larmet"
    renamed = ring.change(users.rename, school, user.id, user.version, "Larm 112")
    assert isinstance(renamed, ApiUser)
    assert world.value(shown, id=user.id) == "Larm 112"
    assert isinstance(ring.change(users.rename, school, user.id, user.version, "Sent"), Conflict)
    world.run("SELECT messa_rebuild_summaries()")
    assert world.value(shown, id=user.id) == "Larm 112"


def test_a_key_is_kept_as_its_digest_alone_and_opens_one_door(
    ring: Keyring, world: World, school: Group
) -> None:
    user = ring.user(school)
    legacy, v2 = ring.key(school, user), ring.key(school, user, KeyKind.V2, scopes={Scope.MESSAGES_SEND})
    assert len(legacy.word) == 40
    assert legacy.word.isalnum() and legacy.word.upper() == legacy.word
    assert v2.word.startswith("msk_live_")
    kept = str(world.rows("SELECT k::text FROM api_key k") + world.rows("SELECT e::text FROM audit_entry e"))
    assert legacy.word not in kept and v2.word not in kept
    holder = ring.recognise(legacy.word)
    assert holder is not None
    assert (holder.account_id, holder.path, holder.scopes) == (
        user.id,
        (school.parent_id, school.id),
        frozenset(),
    )
    assert ring.recognise(legacy.word, KeyKind.V2) is None
    known = ring.recognise(v2.word, KeyKind.V2)
    assert known is not None and known.scopes == {Scope.MESSAGES_SEND}
    assert ring.recognise(legacy.word[:-1]) is None


def test_when_a_key_was_used_last_is_noted_once_a_minute(ring: Keyring, world: World, school: Group) -> None:
    user = ring.user(school)
    word = ring.key(school, user).word
    start = world.clock.now()
    noted = []
    for seconds in (0, 59, 60, 61):
        ring.recognise(word, later=timedelta(seconds=seconds))
        noted.append((ring.keys_of(user.id)[0].last_used_at - start).total_seconds())
    assert noted == [0, 0, 60, 60]


def test_a_rotated_key_works_until_its_overlap_is_over(ring: Keyring, world: World, school: Group) -> None:
    user = ring.user(school)
    old = ring.key(school, user)
    new = ring.change(keys.rotate, school, user.id, old.id, timedelta(days=1))
    assert isinstance(new, Made)
    for later, old_works in ((timedelta(), True), (timedelta(hours=23), True), (timedelta(days=1), False)):
        assert (ring.recognise(old.word, later=later) is not None) is old_works
        assert ring.recognise(new.word, later=later) is not None
    # an end that was set once is not put off by rotating again
    again = ring.change(keys.rotate, school, user.id, old.id, timedelta(days=30))
    assert isinstance(again, Made)
    assert ring.recognise(old.word, later=timedelta(days=1)) is None
    assert isinstance(ring.change(keys.rotate, school, user.id, new.id, timedelta()), Made)
    assert ring.recognise(new.word) is None
    assert ring.change(keys.rotate, school, user.id, new.id, timedelta(days=91)) is keys.Refusal.TOO_FAR


def test_what_is_asked_wrongly_makes_no_key(ring: Keyring, world: World, school: Group) -> None:
    user = ring.user(school)
    now = world.clock.now()
    for wish, refusal in (
        (Wish(KeyKind.V2), keys.Refusal.NO_SCOPE),
        (Wish(KeyKind.SESSION, "x" * 61), keys.Refusal.TOO_LONG),
        (Wish(KeyKind.SESSION, expires_at=now), keys.Refusal.PAST),
    ):
        assert ring.change(keys.make, school, user.id, wish) is refusal
    for _ in range(keys.MOST):
        ring.key(school, user)
    assert ring.change(keys.make, school, user.id, Wish(KeyKind.SESSION)) is keys.Refusal.TOO_MANY


def test_a_removed_key_and_the_keys_of_a_removed_api_user_open_nothing(
    ring: Keyring, world: World, school: Group
) -> None:
    world.numbers()
    user = ring.user(school)
    first, second = ring.key(school, user), ring.key(school, user, KeyKind.V2)
    assert isinstance(ring.change(keys.remove, school, user.id, first.id), keys.Key)
    assert ring.recognise(first.word) is None
    assert ring.change(keys.remove, school, user.id, first.id) is keys.Refusal.UNKNOWN
    assert isinstance(ring.change(users.remove, school, user.id, user.version), ApiUser)
    assert ring.recognise(second.word, KeyKind.V2) is None
    assert ring.keys_of(user.id) == []
    assert ring.change(users.rename, school, user.id, user.version, "Igen") is Refusal.UNKNOWN
    assert actions(world) == [
        "api_user_added",
        "api_key_added",
        "api_key_added",
        "api_key_removed",
        "api_user_removed",
    ]


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_a_closed_organisations_keys_open_nothing_and_a_suspended_ones_are_known(
    ring: Keyring, world: World, school: Group, state: str
) -> None:
    word = ring.key(school, ring.user(school)).word
    world.run("UPDATE tenant SET state = :state WHERE id = :id", state=state, id=school.tenant_id)
    assert (ring.recognise(word) is not None) is (state == "suspended")


def test_only_a_groups_admins_make_and_change_its_api_users(
    ring: Keyring, world: World, school: Group
) -> None:
    beside = world.group(world.tenant("grannen"), "Skolan")
    user = ring.user(school)
    key = ring.key(school, user)
    stranger, former = ring.author(beside), world.author(school, "forra@kommun.example")
    world.dismiss(former)
    for author in (stranger, former):
        assert isinstance(ring.create(school, "Annat", author), NotAdmin)
        for what, arguments in (
            (users.rename, (user.id, user.version, "Annat")),
            (users.remove, (user.id, user.version)),
            (keys.make, (user.id, Wish(KeyKind.SESSION))),
            (keys.rotate, (user.id, key.id, timedelta())),
            (keys.remove, (user.id, key.id)),
        ):
            assert isinstance(ring.change(what, school, *arguments, author=author), NotAdmin)
    # in one's own group there is no such API user
    assert ring.change(users.rename, beside, user.id, user.version, "Annat") is Refusal.UNKNOWN
    assert ring.recognise(key.word) is not None
