"""Every view, asked for by everybody: what each of them gets is what stands in `matrix` (spec G10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pyramid.interfaces import IExceptionResponse
from pyramid.registry import Registry
from webtest import TestResponse

from messa_platform.application import make_app
from messa_platform.core.ids import new_id
from messa_platform.messaging import lists, sendings
from messa_platform.messaging.lists import Listed
from messa_platform.messaging.sending_rows import Row
from messa_platform.runtime import Runtime, read_settings
from messa_platform.tenants import accounts, tasks
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.audit import SYSTEM
from messa_platform.tenants.models import Group, TokenKind
from messa_platform.tenants.places import place_of
from tests.functional.portal.matrix import (
    GROUPS,
    OF_GROUPS,
    OF_OTHERS,
    SIMULATOR,
    VIEWS,
    Answer,
    For,
    Persona,
    View,
)
from tests.support.api_users import Keyring
from tests.support.log_rows import an_export
from tests.support.operators import an_operator, at_the_pages
from tests.support.prices import route
from tests.support.town import build_town, make_admin
from tests.support.town_log import Entry, write_down
from tests.support.visitors import Visitor, path_of, token_of
from tests.support.webhooks import a_webhook
from tests.support.world import World

PHONE = "+46701740605"
PATHS = dict(
    zip(
        GROUPS,
        ("/t/kommun/skolan", "/t/kommun/skolan/klass-4b", "/t/kommun", "/t/kommun/omsorgen", "/t/annan"),
        strict=True,
    )
)
TOPMOST = ("parent", "other tenant's")


class Scene:
    """Two tenants, in which there is one of everything that a view can be of."""

    def __init__(self, world: World, runtime: Runtime) -> None:
        self.world, self.runtime = world, runtime
        self.channel = world.channel()
        town = build_town(world, runtime)
        places = (town.school, town.class_4b, town.master, town.care, town.elsewhere)
        self.groups = dict(zip(GROUPS, places, strict=True))
        self.people = {
            name: self._person(group, f"elev@{name[:5]}.example") for name, group in self.groups.items()
        }
        self.accounts = {
            Persona.USER: self._person(town.school, "anvandare@kommun.example"),
            Persona.SUBADMIN: town.head_id,
            Persona.SIBLING: self._person(town.care, "chef.omsorg@kommun.example"),
            Persona.MASTER: town.chief_id,
            Persona.OTHER_MASTER: self._person(town.elsewhere, "chef@annan.example"),
            Persona.OPERATOR: an_operator(world),
        }
        make_admin(world, town.care, self.accounts[Persona.SIBLING])
        make_admin(world, town.elsewhere, self.accounts[Persona.OTHER_MASTER])
        self.things = self._things(self.accounts[Persona.USER])
        self.tied = {
            name: self._domain(group, f"{group.slug}{name[:3]}.example", "verified")
            for name, group in self.groups.items()
        }
        self.tasks = {name: self._task(group) for name, group in self.groups.items()}
        self.messages = {
            name: write_down(world, [Entry(group, self.people[name], world.clock.now())])[0]
            for name, group in self.groups.items()
        }
        self.exports = {name: an_export(world, group) for name, group in self.groups.items()}
        self.webhooks = {name: a_webhook(world, group) for name, group in self.groups.items()}
        self.own_channels = {name: self._channel(name, group) for name, group in self.groups.items()}
        self.own_routes = {
            name: route(world, self.own_channels[name], tenant=group.tenant_id, prefix=str(1000 + number))
            for number, (name, group) in enumerate(self.groups.items())
        }
        ring = Keyring(world)
        self.api_users = {name: ring.user(group) for name, group in self.groups.items()}
        self.api_keys = {n: ring.key(self.groups[n], user).id for n, user in self.api_users.items()}

    def _channel(self, name: str, group: Group) -> UUID:
        return self.world.channel(f"den egna {name}", plugin="elks", settings={}, tenant_id=group.tenant_id)

    def _person(self, group: Group, address: str) -> UUID:
        return self.world.account(group, address, language="en")

    def _task(self, group: Group) -> UUID:
        with self.world.database.unit_of_work() as session:
            place = place_of(session, group.tenant_id, group.id)
            assert place is not None
            now = self.world.clock.now()
            task_id = tasks.draft(session, now, SYSTEM, place, TaskKind.RECALL_NUMBERS, {}, 0)
            tasks.start(session, now, group.tenant_id, task_id)
            return task_id

    def _things(self, user: UUID) -> dict[str, object]:
        """What views of a single thing are asked for with; threads and the like are the user's."""
        now, group = self.world.clock.now(), self.groups["own"]
        self.world.submit(user, [PHONE], "Hej")
        with self.world.database.unit_of_work() as session:
            saved = lists.create(session, now, user, "Klassen", [Listed(PHONE, "Karin")])
            prepared = sendings.prepare(session, now, user, "Hej klassen", [Row(1, PHONE)])
            word = accounts.issue_token(session, now, user, TokenKind.WELCOME, accounts.WELCOME_LIFE)
        waiting = self._domain(group, "skolan.example", "waiting")
        self.world.run(
            "INSERT INTO consent_request (id, tenant_id, group_id, address, digest, asked_at, expires_at)"
            " VALUES (:id, :tenant, :group, 'ny@kommun.example', :digest, :now, :now + interval '1 day')",
            id=new_id(),
            tenant=group.tenant_id,
            group=group.id,
            digest=accounts.digest("a-word"),
            now=now,
        )
        thread = self.world.value("SELECT id FROM thread WHERE account_id = :id", id=user)
        of_user = {"thread": thread, "list": saved, "sending": prepared, "word": word}
        return {**of_user, "waiting": waiting, "consent": "a-word", **self._of_the_platform()}

    def _of_the_platform(self) -> dict[str, object]:
        """A route, and prices that hold from some day on."""
        ids = {"route": new_id(), "list": new_id(), "prices": new_id()}
        self.world.run(
            "INSERT INTO route (id, prefix, channel_ids) VALUES (:route, '47', ARRAY[CAST(:channel AS uuid)])",
            route=ids["route"],
            channel=self.channel,
        )
        self.world.run("INSERT INTO price_list (id, name) VALUES (:list, 'Till kund')", list=ids["list"])
        self.world.run(
            "INSERT INTO price_version (id, list_id, valid_from, prices) VALUES (:prices, :list, '2199-01-01', 1)",
            prices=ids["prices"],
            list=ids["list"],
        )
        self.world.run(
            "INSERT INTO price (version_id, prefix, amount) VALUES (:prices, '46', 350000)",
            prices=ids["prices"],
        )
        return {"route": ids["route"], "prices": ids["prices"]}

    def _domain(self, group: Group, name: str, state: str) -> UUID:
        values = {"id": new_id(), "tenant": group.tenant_id, "group": group.id, "name": name, "state": state}
        columns, given = "id, tenant_id, group_id, name, state", ":id, :tenant, :group, :name, :state"
        self.world.run(f"INSERT INTO domain ({columns}) VALUES ({given})", **values)
        return UUID(str(values["id"]))

    def visitor(self, persona: Persona) -> Visitor:
        """A persona's browser."""
        if persona is Persona.STRANGER:
            return Visitor(self.runtime)
        return at_the_pages(self.runtime, self.accounts[persona])

    def address(self, view: View, group: str) -> str:
        """Where a view is, of a group if it is one of a group's."""
        return view.address.format(
            group=PATHS[group],
            person=self.people[group],
            task=self.tasks[group],
            export=self.exports[group],
            tied=self.tied[group],
            message=self.messages[group],
            api_user=self.api_users[group].id,
            api_key=self.api_keys[group],
            webhook=self.webhooks[group],
            channel=self.channel,
            own_channel=self.own_channels[group],
            own_route=self.own_routes[group],
            **self.things,
        )


@pytest.fixture
def scene(world: World, runtime: Runtime) -> Scene:
    return Scene(world, runtime)


@dataclass
class Asking:
    """A persona goes through all views. `wrong` is what was answered otherwise than the table says."""

    scene: Scene
    persona: Persona
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.visitor = self.scene.visitor(self.persona)
        self.token = token_of(
            self.visitor.get("/sign-in" if self.persona is Persona.STRANGER else "/account")
        )

    def all(self) -> Iterator[tuple[View, str, Answer]]:
        """Each view with each of its addresses, and what the persona is to get there."""
        for view in VIEWS:
            if view.whose not in (For.ADMINS, For.TOP_ADMINS):
                yield view, self.scene.address(view, GROUPS[0]), OF_OTHERS[self.persona][view.whose]
                continue
            for group in GROUPS:
                answer = OF_GROUPS[self.persona][group]
                is_nowhere = view.whose is For.TOP_ADMINS and group not in TOPMOST and answer is Answer.MAY
                yield view, self.scene.address(view, group), Answer.NOT_FOUND if is_nowhere else answer

    def get(self, view: View, address: str, answer: Answer) -> None:
        """Ask for a page."""
        page = self.visitor.get(address)
        if answer is Answer.MAY or view.get is None:
            # a stranger may be asked to sign in before it turns out that there is no such page
            self._note("GET", address, page, view.get or 404, *([303] if answer is Answer.SIGN_IN else []))
        elif answer is Answer.SIGN_IN:
            self._note("GET", address, page, 303)
            assert page.status_int != 303 or path_of(page).startswith("/sign-in?"), address
        else:
            self._note("GET", address, page, 303 if answer is Answer.SENT_ON else 404)

    def post(self, view: View, address: str, answer: Answer) -> None:
        """Send a form with nothing in it but a good token."""
        page = self.visitor.post(address, {"csrf_token": self.token})
        if answer in TAKEN:
            self._note("POST", address, page, view.post or 404)
        elif answer is Answer.SIGN_IN:
            # what was written comes back to be copied; or there is no such form
            self._note("POST", address, page, 400, *([404] if view.post in (None, 404) else []))
        else:
            self._note("POST", address, page, 404)

    def _note(self, method: str, address: str, page: TestResponse, *right: int) -> None:
        if page.status_int not in right:
            self.wrong.append(f"{method} {address}: {page.status} {page.location or ''}, instead of {right}")


TAKEN = (Answer.MAY, Answer.SENT_ON)
"""Whose forms are read."""


@pytest.mark.parametrize("persona", Persona, ids=lambda persona: persona.name.lower())
def test_everybody_gets_of_every_view_what_the_table_says(scene: Scene, persona: Persona) -> None:
    asking = Asking(scene, persona)
    for view, address, answer in asking.all():
        asking.get(view, address, answer)
    assert not asking.wrong, "\n".join(asking.wrong)

    before = everything(scene.world)
    for view, address, answer in asking.all():
        if answer not in TAKEN:
            asking.post(view, address, answer)
    assert not asking.wrong, "\n".join(asking.wrong)
    assert everything(scene.world) == before

    for view, address, answer in asking.all():
        if answer in TAKEN:
            asking.post(view, address, answer)
    assert not asking.wrong, "\n".join(asking.wrong)


UNTOUCHED = (
    "account", "api_key", "audit_entry", "channel", "consent_request", "domain", "event_delivery", "event_endpoint",
    "export", "group", "group_admin", "group_setting", "message",
    "number_range", "outgoing_mail", "price", "price_list", "price_version", "route",
    "recipient_list", "sending", "task", "task_work", "tenant", "thread",
)  # fmt: skip
"""What a form that was not theirs to send leaves as it is."""


def everything(world: World) -> dict[str, Any]:
    """A digest of all that stands in these tables."""
    return {
        table: world.value(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{table}\" t")
        for table in UNTOUCHED
    }


def test_every_view_stands_in_the_table_with_the_requests_that_it_takes() -> None:
    settings = read_settings({"web.simulator_url": "http://127.0.0.1:6544"}, {})
    registry = make_app(SimpleNamespace(settings=settings, checks={})).registry  # type: ignore[arg-type]
    told = {(v.context, v.name): (v.get is not None, v.post is not None) for v in VIEWS if v.name == v.view}
    assert len({(v.context, v.name) for v in VIEWS}) == len(VIEWS)
    assert {(v.context, v.view) for v in VIEWS} == told.keys()
    assert told == {view: takes for view, takes in registered(registry).items() if view != SIMULATOR}


def registered(registry: Registry) -> dict[tuple[str, str], tuple[bool, bool]]:
    """Each view that is registered, by its context and name: whether it takes GET, and whether it takes POST."""
    found: dict[tuple[str, str], tuple[bool, bool]] = {}
    for entry in registry.introspector.get_category("views") or ():
        view = entry["introspectable"]
        context, methods = view["context"], view["request_methods"] or ("GET", "POST")
        if context is IExceptionResponse or (isinstance(context, type) and issubclass(context, Exception)):
            continue  # an answer to an error is asked for by nobody
        if getattr(context, "__module__", "").startswith("messa_platform.api_v2"):
            continue  # it knows keys and no sessions: `api_v2/test_matrix` and `test_keys` ask for all of it
        key = getattr(context, "__name__", str(context)), view["name"]
        gets, posts = found.get(key, (False, False))
        found[key] = gets or "GET" in methods, posts or "POST" in methods
    return found
