"""A group's settings and quotas by v2: what is set here, what is in force, what is locked; and no figure of what is above (spec V5, G2-G9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from messa_platform.core.ids import new_id
from messa_platform.tenants.audit_view import Asked, Reader, Who, entries
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Lock
from messa_platform.tenants.places import place_of
from tests.functional.api_v2.conftest import Api, Program
from tests.support.observe import wait_until_blocked

QUOTA = {"sms": 100, "window_days": 30, "max_parts": 3}
NO_LIMIT = {"sms": None, "window_days": None, "max_parts": 9}


@pytest.fixture
def path(api: Api) -> str:
    """The school's settings."""
    return f"/v2/groups/{api.school.id}/settings"


def origin(setting: Any) -> tuple[Any, ...]:
    """Where a setting comes from."""
    return setting["source"], setting["source_group_id"], setting["source_group_name"]


def test_each_setting_tells_what_is_set_here_what_is_in_force_and_from_where(
    api: Api, school: Program
) -> None:
    klass = api.world.group(api.school, "4A")
    api.world.set(api.master, Key.SENDER_NAME, "Kommunen")
    api.world.set(api.school, Key.TOO_LONG, "cut")
    api.world.set(klass, Key.COUNTRY_CODE, "47")
    found = school.get(f"/v2/groups/{klass.id}/settings")
    assert list(found) == [key.value for key in Key]
    country = found["country_code"]
    assert (country["value"], country["own"], country["inherited"], country["lock"]) == (
        "47",
        "47",
        "46",
        "subadmin",
    )
    assert (origin(country), country["may_change"], country["set_below"]) == (("here", None, None), True, 0)
    assert country["set_at"].endswith("Z")
    cut = found["too_long"]
    assert (cut["value"], cut["own"], cut["set_at"]) == ("cut", None, None)
    assert origin(cut) == ("group", str(api.school.id), "Skolan")
    assert (found["sender_name"]["value"], origin(found["sender_name"])) == (
        "Kommunen",
        ("overlying", None, None),
    )
    assert origin(found["may_receive"]) == ("platform", None, None)
    assert (found["group_quota"]["value"], found["group_quota"]["own"]) == (NO_LIMIT, None)
    assert school.get(f"/v2/groups/{api.school.id}/settings")["country_code"]["set_below"] == 1


def test_settings_are_set_and_inherited_again(api: Api, school: Program, path: str) -> None:
    values: dict[str, Any] = {
        "country_code": "47", "may_receive": True, "sender_name": "Skolan 4", "smart_characters": False, "too_long": "cut",
        "signature": "Skolan", "group_quota": QUOTA, "account_quota": {**QUOTA, "sms": 0},
    }  # fmt: skip
    done = school.ask("PATCH", path, {key: {"value": value} for key, value in values.items()}, 200).json
    assert {key: setting["own"] for key, setting in done.items()} == values
    assert school.get(path) == done
    locks = {key: setting["lock"] for key, setting in done.items()}
    assert (locks["signature"], locks["group_quota"], locks["country_code"]) == ("all", "locked", "subadmin")
    undone = school.ask("PATCH", path, {key: {"value": None} for key in values}, 200).json
    assert {setting["own"] for setting in undone.values()} == {None}
    assert undone["sender_name"]["value"] == "messa"


def test_a_change_is_in_the_audit_log_as_the_portal_reads_it(api: Api, school: Program, path: str) -> None:
    school.ask("PATCH", path, {"country_code": {"value": "47", "lock": "locked"}}, 200)
    with api.world.database.unit_of_work() as session:
        place = place_of(session, api.school.tenant_id, api.school.id)
        assert place
        entry = entries(session, Reader(place, new_id()), Asked(place))[0][0]
    assert (entry.who, entry.address, entry.action, entry.subject) == (
        Who.API_USER,
        "Larmet",
        "setting_set",
        "country_code",
    )
    assert (entry.before, entry.after) == (None, {"value": "47", "lock": "locked"})


def test_a_lock_stays_unless_another_is_asked_for(api: Api, school: Program, path: str) -> None:
    school.ask("PATCH", path, {"country_code": {"value": "47", "lock": "locked"}}, 200)
    kept = school.ask("PATCH", path, {"country_code": {"value": "45"}}, 200).json["country_code"]
    assert (kept["own"], kept["lock"]) == ("45", "locked")
    assert (
        school.ask("PATCH", path, {"country_code": {"value": "45", "lock": "subadmin"}}, 200).json[
            "country_code"
        ]["lock"]
        == "subadmin"
    )


def test_what_is_locked_from_above_is_refused_and_nothing_is_changed(
    api: Api, school: Program, path: str
) -> None:
    api.world.set(api.master, Key.COUNTRY_CODE, "46", Lock.LOCKED)
    api.world.set(api.master, Key.SIGNATURE, "Kommunen", Lock.LOCKED)
    assert school.get(path)["country_code"]["may_change"] is False
    body = {
        "country_code": {"value": "47"},
        "signature": {"value": None},
        "too_long": {"value": "cut"},
    }
    problem = school.ask("PATCH", path, body, 403).json
    assert problem["type"].endswith("setting-locked")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
        ("/country_code", "locked"),
        ("/signature", "locked"),
    ]
    assert "Master" not in str(problem)
    assert school.get(path)["too_long"]["own"] is None
    master = api.program(api.master)
    assert (
        master.ask("PATCH", path, {"country_code": {"value": "47"}}, 200).json["country_code"]["own"] == "47"
    )


def test_the_keys_own_lock_binds_a_key_below_and_not_itself(api: Api, school: Program, path: str) -> None:
    klass = api.world.group(api.school, "4A")
    below = api.program(klass, "Klassen")
    school.ask("PATCH", path, {"too_long": {"value": "cut", "lock": "locked"}}, 200)
    below.ask("PATCH", f"/v2/groups/{klass.id}/settings", {"too_long": {"value": "refuse"}}, 403)
    school.ask("PATCH", path, {"too_long": {"value": "refuse"}}, 200)


def test_the_groups_below_inherit_again_where_that_is_asked_for(api: Api, school: Program, path: str) -> None:
    klass = api.world.group(api.school, "4A")
    api.world.set(klass, Key.SENDER_NAME, "Klassen")
    assert school.get(path)["sender_name"]["set_below"] == 1
    body = {"sender_name": {"value": "Skolan", "clear_below": True}}
    assert school.ask("PATCH", path, body, 200).json["sender_name"]["set_below"] == 0
    assert school.get(f"/v2/groups/{klass.id}/settings")["sender_name"]["value"] == "Skolan"


def test_a_signature_is_one_line_whatever_is_sent(api: Api, school: Program, path: str) -> None:
    done = school.ask("PATCH", path, {"signature": {"value": " Skolan \x01 \n Norr "}}, 200).json
    assert done["signature"]["own"] == "Skolan Norr"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"country_code": {"value": "999"}}, ["/country_code/value"]), ({"country_code": {"value": 46}}, ["/country_code/value"]),
        ({"country_code": "46"}, ["/country_code"]), ({"country_code": None}, ["/country_code"]),
        ({"country_code": {}}, ["/country_code/value"]),
        ({"country_code": {"value": "46", "lock": "all"}}, ["/country_code/lock"]), ({"too_long": {"value": "drop"}}, ["/too_long/value"]),
        ({"sender_name": {"value": "112"}}, ["/sender_name/value"]), ({"sender_name": {"value": " Skolan"}}, ["/sender_name/value"]),
        ({"sender_name": {"value": "Skolan!"}}, ["/sender_name/value"]), ({"sender_name": {"value": "Grundskolorna"}}, ["/sender_name/value"]),
        ({"signature": {"value": "x" * 121}}, ["/signature/value"]),
        ({"group_quota": {"value": {"sms": 5}}}, ["/group_quota/value/max_parts", "/group_quota/value/window_days"]),
        ({"group_quota": {"value": {"sms": -1, "window_days": 0, "max_parts": 10}}},
         ["/group_quota/value/max_parts", "/group_quota/value/sms", "/group_quota/value/window_days"]),
        ({"may_receive": {"value": "yes"}, "nonsense": {"value": 1}, "smart_characters": {"value": True, "count_anew": True}},
         ["/may_receive/value", "/nonsense", "/smart_characters/count_anew"]),
    ],
)  # fmt: skip
def test_every_value_that_does_not_fit_is_told_at_once(
    api: Api, school: Program, path: str, body: Any, pointers: list[str]
) -> None:
    before = school.get(path)
    problem = school.ask("PATCH", path, body, 422).json
    assert sorted({error["pointer"] for error in problem["errors"]}) == pointers
    assert school.get(path) == before


def test_a_version_that_holds_no_more_is_refused(api: Api, school: Program, path: str) -> None:
    first = school.ask("GET", path).headers["ETag"]
    done = school.ask("PATCH", path, {"country_code": {"value": "47"}}, 200, **{"If-Match": first})
    assert done.headers["ETag"] == school.ask("GET", path).headers["ETag"] != first
    for stale in (first, f"W/{first}", "x"):
        school.ask("PATCH", path, {"too_long": {"value": "cut"}}, 412, **{"If-Match": stale})
    assert school.get(path)["too_long"]["own"] is None
    # what others set elsewhere is no change of this
    api.world.set(api.master, Key.SENDER_NAME, "Kommunen")
    school.ask("PATCH", path, {}, 200, **{"If-Match": done.headers["ETag"]})
    again = school.ask("PATCH", path, {"country_code": {"value": None}}, 200)
    assert again.headers["ETag"] == first  # nothing is set, as before


@pytest.mark.parametrize("is_versioned", [True, False])
def test_of_two_who_change_a_setting_at_once_the_second_is_told_if_it_names_a_version(
    api: Api, school: Program, path: str, is_versioned: bool
) -> None:
    school.ask("PATCH", path, {"country_code": {"value": "45"}}, 200)
    headers = {"If-Match": school.ask("GET", path).headers["ETag"]} if is_versioned else {}
    with ThreadPoolExecutor(1) as threads:
        with api.world.database.unit_of_work() as session:
            session.execute(text("SELECT FROM \"group\" WHERE name = 'Skolan' FOR NO KEY UPDATE"))
            session.execute(
                text("UPDATE group_setting SET value = '\"358\"', version = nextval('group_setting_version')")
            )
            second = threads.submit(
                school.ask, "PATCH", path, {"country_code": {"value": "47"}}, None, **headers
            )
            wait_until_blocked(api.world.database)
        assert second.result().status_int == (412 if is_versioned else 200)
    assert school.get(path)["country_code"]["own"] == ("358" if is_versioned else "47")


def test_where_people_may_receive_no_more_their_numbers_are_taken_back(
    api: Api, school: Program, path: str
) -> None:
    school.ask("PATCH", path, {"may_receive": {"value": True}}, 200)
    assert not api.world.value("SELECT count(*) FROM task")
    school.ask("PATCH", path, {"may_receive": {"value": None}}, 200)
    assert api.world.rows("SELECT kind, actor, actor_address FROM task") == [
        ("recall_numbers", "api", "Larmet")
    ]


def test_a_figure_of_an_overlying_group_that_does_not_hold_here_is_not_told(
    api: Api, school: Program, path: str
) -> None:
    api.world.account_quota(api.master, 4711)
    assert school.get(path)["account_quota"]["value"]["sms"] == 4711  # this one holds
    done = school.ask("PATCH", path, {"account_quota": {"value": QUOTA}}, 200).json["account_quota"]
    assert (done["value"], done["inherited"]) == (QUOTA, None)
    api.world.group_quota(api.master, 4712)
    assert "4711" not in str(school.get(path)) and "4712" not in str(school.get(path))


def test_quotas_tell_what_is_used_and_left_and_of_those_above_only_that_there_are_some(
    api: Api, school: Program
) -> None:
    klass = api.world.group(api.school, "4A")
    api.network.accept()
    where = f"/v2/groups/{klass.id}/quotas"
    assert school.get(where) == {
        "quotas": [], "is_limited_above": False, "per_account": None, "max_parts": 9, "stops_all": False,
    }  # fmt: skip
    api.world.group_quota(api.master, 4711, 7)
    api.world.group_quota(api.school, 100, 30, 3)
    api.world.group_quota(klass, 1)
    api.world.account_quota(api.school, 10, 1, 2)
    api.program(klass, "Klassen").send()
    found = school.get(where)
    told = [
        (q["group_name"], q["is_here"], q["sms"], q["used"], q["left"], q["window_days"])
        for q in found["quotas"]
    ]
    assert told == [("4A", True, 1, 1, 0, None), ("Skolan", False, 100, 1, 99, 30)]
    assert (found["is_limited_above"], found["max_parts"], found["stops_all"]) == (True, 2, False)
    assert found["per_account"] == {"sms": 10, "window_days": 1, "max_parts": 2}
    assert "4711" not in str(found) and "Master" not in str(found)
    whole = api.program(api.master).get(where)
    assert [q["group_name"] for q in whole["quotas"]] == ["4A", "Skolan", "Master"]
    assert whole["is_limited_above"] is False


def test_a_quota_that_is_set_by_v2_strikes(api: Api, school: Program, path: str) -> None:
    api.network.accept()
    school.send(text="Ett")
    school.ask(
        "PATCH", path, {"group_quota": {"value": {"sms": 1, "window_days": None, "max_parts": 9}}}, 200
    )
    school.send(text="Två")
    problem = school.send(text="Tre", status=403)
    assert problem["message_status"] == "no_sms_left:Group:Skolan"
    # a higher limit does not begin anew, unless that is asked for
    more: dict[str, Any] = {"value": {"sms": 2, "window_days": None, "max_parts": 9}}
    school.ask("PATCH", path, {"group_quota": more}, 200)
    quotas = f"/v2/groups/{api.school.id}/quotas"
    assert [(q["used"], q["left"]) for q in school.get(quotas)["quotas"]] == [(1, 1)]
    api.world.clock.move(timedelta(minutes=1))
    school.ask("PATCH", path, {"group_quota": {**more, "count_anew": True}}, 200)
    assert [(q["used"], q["left"]) for q in school.get(quotas)["quotas"]] == [(0, 2)]
