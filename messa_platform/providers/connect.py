"""Channels are connected and changed: their settings are read by the plugin's schema, their addresses checked before anything is locked, and
their secrets sealed (spec X1, X3, V8). What the audit log has of settings are their names."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.core.ids import new_id
from messa_platform.core.outbound import Outbound
from messa_platform.providers import given_settings
from messa_platform.providers.capabilities import noted
from messa_platform.providers.channels import (
    COLUMNS,
    OF_OWNER,
    OwnChannel,
    Owner,
    change_of,
    channel_of,
    held,
)
from messa_platform.providers.given_settings import Fault, Given, Read, Wrong, opens_connections, unreachable
from messa_platform.providers.registry import Broken, NoProvider, Plugin
from messa_platform.providers.secrets import Plugins, divide, secret_names, whole
from messa_platform.tenants.api_users.users import Conflict, one_line
from messa_platform.tenants.audit import Action, Author, record
from messa_platform.tenants.authority import NotAdmin

MOST = 20
"""Channels that an owner may have."""
LONGEST_NAME = 60
MOST_RATE = 10_000.0
"""Texts a second."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A channel that is wanted. `rate` is texts a second at the most, None: no limit; `resends`: texts in doubt are sent once more."""

    name: str
    given: Given
    rate: float | None = None
    resends: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """A channel as it stands now. `made` are the keys of ours that were made with it, which are told this once."""

    channel: OwnChannel
    made: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was done: what is wrong with the wish's `name` or `rate` (in `own`), and with its settings."""

    own: Mapping[str, Fault] = field(default_factory=dict)
    settings: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TooMany:
    """The owner has `MOST` channels already."""


@dataclass(frozen=True, slots=True)
class NoSuch:
    """There is no such channel of the owner's, or no such plugin that it may use."""


Undone = Refused | TooMany | NoSuch | NotAdmin | Conflict

_COUNT = text(f"SELECT count(*) FROM channel WHERE {OF_OWNER}")
# A new one is taken last. Whoever takes the same name at once comes after the other, and is told.
_INSERT = text(
    "INSERT INTO channel (id, tenant_id, name, plugin, settings, sealed, capabilities, countries, rate, resends, refilled_at, priority)"
    " SELECT :id, CAST(:tenant_id AS uuid), :name, :plugin, CAST(:plain AS jsonb), :sealed, CAST(:capabilities AS varchar[]),"
    " CAST(:countries AS varchar[]), :rate, :resends, :now, coalesce(max(priority), 0) + 1"
    f" FROM channel WHERE {OF_OWNER} ON CONFLICT DO NOTHING RETURNING {COLUMNS}"
)
_KEPT = text(f"SELECT {COLUMNS}, settings, sealed FROM channel WHERE {OF_OWNER} AND id = :id")
_IS_TAKEN = text(f"SELECT EXISTS (SELECT FROM channel WHERE {OF_OWNER} AND name = :name AND id <> :id)")
# What the breaker knows is of the settings before.
_CHANGE = text(
    "UPDATE channel SET name = :name, rate = :rate, resends = :resends, settings = CAST(:plain AS jsonb), sealed = :sealed,"
    " version = version + 1,"
    " breaker = CASE WHEN :anew THEN 'closed' ELSE breaker END, failing = CASE WHEN :anew THEN 0 ELSE failing END,"
    " openings = CASE WHEN :anew THEN 0 ELSE openings END, probe_at = CASE WHEN :anew THEN NULL ELSE probe_at END"
    f" WHERE id = :id RETURNING {COLUMNS}"
)


def _new_key() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class ChannelOffice:
    """Connects and changes channels. `keys` seal their secrets; `ways` are the ways out for the platform's channels and for tenants'."""

    plugins: Plugins
    keys: Keys
    ways: tuple[Outbound, Outbound]
    make_key: Callable[[], str] = _new_key

    def offered(self, owner: Owner, name: str) -> Plugin | None:
        """The plugin of that name, if there is one that the owner may use. A tenant may not where it opens connections by itself: they could
        lead into our own network."""
        try:
            plugin = self.plugins.plugin(name)
        except NoProvider:
            return None
        return plugin if self.is_offered(owner, plugin) else None

    def is_offered(self, owner: Owner, plugin: Plugin | Broken) -> bool:
        """Whether an owner may use a plugin."""
        if isinstance(plugin, Broken):
            return False
        is_free = owner.master is None or self.ways[1].settings.allow_private
        return is_free or not opens_connections(plugin)

    def connect(
        self, session: Session, now: datetime, author: Author, owner: Owner, plugin_name: str, wish: Wish
    ) -> Connected | Undone:
        """A new channel of the owner's, which texts take after those that there are."""
        plugin = self.offered(owner, plugin_name)
        if plugin is None:
            return NoSuch()
        checked = self._checked(plugin, owner, wish, {})
        if isinstance(checked, Refused):
            return checked
        name, found = checked
        if isinstance(no := held(session, author, owner), NotAdmin):
            return no
        if session.execute(_COUNT, {"tenant_id": owner.tenant_id}).scalar_one() >= MOST:
            return TooMany()
        can = noted(plugin.capabilities)
        values = self._values(new_id(), name, wish, plugin, found)
        values |= {"tenant_id": owner.tenant_id, "plugin": plugin_name, "now": now}
        values |= {"capabilities": can.capabilities, "countries": can.countries}
        row = session.execute(_INSERT, values).first()
        if row is None:
            return Refused({"name": Fault(Wrong.TAKEN)})
        after = {"plugin": plugin_name, "settings": sorted(found.settings)}
        record(session, now, author, [change_of(owner, Action.CHANNEL_ADDED, name, row.id, None, after)])
        return Connected(channel_of(row), found.made)

    def _checked(
        self, plugin: Plugin, owner: Owner, wish: Wish, kept: Mapping[str, Any]
    ) -> tuple[str, Read] | Refused:
        """The name and the settings as they are to be kept, or all that is wrong with the wish."""
        name, own = _own_faults(wish)
        found = self._read(plugin, owner, wish.given, kept)
        if own or not isinstance(found, Read):
            return Refused(own, {} if isinstance(found, Read) else found)
        return name, found

    def _read(
        self, plugin: Plugin, owner: Owner, given: Given, kept: Mapping[str, Any]
    ) -> Read | Mapping[str, Fault]:
        found = given_settings.read(plugin, given, kept, self.make_key)
        if not isinstance(found, Read):
            return found
        way = self.ways[0 if owner.master is None else 1]
        return unreachable(plugin, found.settings, given.values, way) or found

    def settings_of(
        self, session: Session, channel_id: UUID, owner: Owner
    ) -> tuple[Mapping[str, Any], frozenset[str]] | None:
        """The settings of a channel that may be shown, and the names of its secrets that are kept; None if there is no such channel."""
        row = session.execute(_KEPT, {"id": channel_id, "tenant_id": owner.tenant_id}).first()
        if row is None:
            return None
        try:
            secret = secret_names(self.plugins.plugin(row.plugin))
        except NoProvider:  # nobody knows what may be shown
            return {}, frozenset()
        kept = frozenset(self._kept(row)) & secret
        return {name: value for name, value in row.settings.items() if name not in secret}, kept

    def change(
        self,
        session: Session,
        now: datetime,
        author: Author,
        owner: Owner,
        channel_id: UUID,
        version: int | None,
        wish: Callable[[OwnChannel], Wish],
    ) -> Connected | Undone:
        """Another name, rate or settings, as `wish` makes them of the channel; `version` None: however it is by now. A secret that is not
        given stays as it is."""
        parameters = {"id": channel_id, "tenant_id": owner.tenant_id}
        row = session.execute(_KEPT, parameters).first()
        if row is None or (plugin := self.offered(owner, row.plugin)) is None:
            return NoSuch()
        wanted, kept = wish(channel_of(row)), self._kept(row)
        # before anything is locked, since it looks addresses up
        checked = self._checked(plugin, owner, wanted, kept)
        if isinstance(checked, Refused):
            return checked
        name, found = checked
        if isinstance(no := held(session, author, owner), NotAdmin):
            return no
        was = session.execute(_KEPT, parameters).first()
        if was is None:
            return NoSuch()
        if version not in (None, was.version) or was.version != row.version:
            return Conflict(was.version)
        if session.execute(_IS_TAKEN, parameters | {"name": name}).scalar_one():
            return Refused({"name": Fault(Wrong.TAKEN)})
        names = frozenset(found.settings.keys() | kept.keys())
        changed = sorted(n for n in names if found.settings.get(n) != kept.get(n))
        if not changed and (name, wanted.rate, wanted.resends) == (was.name, was.rate, was.resends):
            return Connected(channel_of(was), {})
        values = self._values(channel_id, name, wanted, plugin, found) | {"anew": bool(changed)}
        channel = channel_of(session.execute(_CHANGE, values).one())
        audited = _audited(channel_of(was), channel, changed)
        record(session, now, author, [change_of(owner, Action.CHANNEL_CHANGED, name, channel_id, *audited)])
        return Connected(channel, found.made)

    def _kept(self, row: Row[Any]) -> dict[str, Any]:
        """A channel's settings with their secrets; without, where those were sealed with a key that we do not have: they are to be given
        anew."""
        try:
            return whole(self.keys, row.settings, row.sealed)
        except NoProvider:
            return dict(row.settings)

    def _values(self, channel_id: UUID, name: str, wish: Wish, plugin: Plugin, found: Read) -> dict[str, Any]:
        """What a channel's row has of a wish."""
        divided = divide(self.keys, plugin, found.settings)
        plain = {"plain": json.dumps(divided.plain), "sealed": divided.sealed}
        return {"id": channel_id, "name": name, "rate": wish.rate, "resends": wish.resends, **plain}


def _own_faults(wish: Wish) -> tuple[str, dict[str, Fault]]:
    """The name as it is kept, and what is wrong with it or the rate."""
    name, faults = one_line(wish.name), {}
    if not name:
        faults["name"] = Fault(Wrong.MISSING)
    elif len(name) > LONGEST_NAME:
        faults["name"] = Fault(Wrong.TOO_LONG, LONGEST_NAME)
    if wish.rate is not None and not wish.rate > 0:
        faults["rate"] = Fault(Wrong.NO_NUMBER)
    elif wish.rate is not None and not wish.rate <= MOST_RATE:
        faults["rate"] = Fault(Wrong.TOO_LARGE, MOST_RATE)
    return name, faults


def _audited(was: OwnChannel, channel: OwnChannel, changed: Sequence[str]) -> tuple[Any, Any]:
    """What the audit log has of a change: of settings only which ones."""
    pairs = [(n, getattr(was, n), getattr(channel, n)) for n in ("name", "rate", "resends")]
    before = {n: old for n, old, new in pairs if old != new}
    after = {n: new for n, old, new in pairs if old != new}
    return before or None, after | ({"settings": changed} if changed else {})
