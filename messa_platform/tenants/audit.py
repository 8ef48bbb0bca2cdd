"""The audit log: who changed what, when, from what to what (spec G12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants.admin_models import Actor, AuditEntry

ENTRY = cast(Table, AuditEntry.__table__)


class Action(StrEnum):
    """What was done. `subject` of the entry is given after the colon."""

    SETTING_SET = "setting_set"
    """: the setting's key; before and after `{"value", "lock"}`, None where it is inherited."""
    GROUP_ADDED = "group_added"
    """: the group's name; after `{"parent": id}`."""
    GROUP_RENAMED = "group_renamed"
    """: the new name; before and after `{"name"}`."""
    GROUP_MOVED = "group_moved"
    """: the group's name; before and after `{"parent": id}`."""
    GROUP_REMOVED = "group_removed"
    """: the group's name; after `{"people": id, "groups": id}`, where they went."""
    ADMIN_ADDED = "admin_added"
    """: the address."""
    ADMIN_REMOVED = "admin_removed"
    """: the address; after `{"why": "moved"}` where it left the group's tree."""
    ACCOUNT_ADDED = "account_added"
    """: the address; after `{"group": id}`."""
    ACCOUNT_MOVED = "account_moved"
    """: the address; before and after `{"group": id}`."""
    ACCOUNT_CHANGED = "account_changed"
    """: the address; before and after the fields that changed."""
    ACCOUNT_REMOVED = "account_removed"
    """: the address; after `{"blocked": true}` if it may not come back."""
    ACCOUNT_BLOCKED = "account_blocked"
    ACCOUNT_UNBLOCKED = "account_unblocked"
    CONSENT_ASKED = "consent_asked"
    """: the address that was asked whether it wants to move here."""
    CONSENT_GIVEN = "consent_given"
    CONSENT_REFUSED = "consent_refused"
    PEOPLE_ADDED = "people_added"
    """: "" ; after the counts by word, of many addresses at once."""
    DOMAIN_ADDED = "domain_added"
    """: the domain."""
    DOMAIN_VERIFIED = "domain_verified"
    """: the domain; after `{"proof"}`."""
    DOMAIN_SUSPENDED = "domain_suspended"
    DOMAIN_REMOVED = "domain_removed"
    DOMAIN_MOVED = "domain_moved"
    """: the domain; before and after `{"group": id}`."""
    DOMAIN_TAKEN = "domain_taken"
    """: the domain; after `{"moved": count}`: its accounts came to the group."""
    DOMAIN_TAKE_UNDONE = "domain_take_undone"
    """: the domain; after `{"moved": count}`."""
    SIGN_ON_SET = "sign_on_set"
    """: the domain whose people sign in by an identity provider; after `{"name", "issuer", "enabled"}`."""
    SIGN_ON_PAUSED = "sign_on_paused"
    """: the domain, which has moved beyond the group for which its provider was set up; after `{"why": "domain_moved"}`."""
    SIGN_ON_REMOVED = "sign_on_removed"
    NUMBERS_RECALLED = "numbers_recalled"
    """: "" ; after `{"numbers": count}`."""
    TENANT_CREATED = "tenant_created"
    """: its name."""
    TENANT_CHANGED = "tenant_changed"
    """: its name; before and after the fields that changed."""
    RANGE_ADDED = "range_added"
    """: first and last number."""
    RANGE_CHANGED = "range_changed"
    CHANNEL_ADDED = "channel_added"
    """: the channel's name; after `{"plugin", "settings"}`, the names of those that were set. The name is the subject of those below, too."""
    CHANNEL_CHANGED = "channel_changed"
    """: before and after `{"name", "rate"}` where they changed; after `{"settings"}`, the names of those that changed."""
    CHANNEL_REMOVED = "channel_removed"
    CHANNEL_PAUSED = "channel_paused"
    CHANNEL_RESUMED = "channel_resumed"
    CHANNEL_MOVED = "channel_moved"
    """: its name; before and after `{"place"}` among its owner's, which counts from 1."""
    PRICES_ADDED = "prices_added"
    """: the channel's or the sale list's name; after `{"kind": "cost" or "sale", "valid_from", "prices": count}`."""
    PRICES_REMOVED = "prices_removed"
    """: the same; before as above."""
    PRICES_STANDARD = "prices_standard"
    """: the sale list that holds now where no other was agreed on."""
    ROUTE_ADDED = "route_added"
    """: its prefix with `+`, "*" for all numbers; after `{"tenant": slug or None, "sender", "needs", "channels": names, "cheapest"}`.
    The same holds for those below."""
    ROUTE_CHANGED = "route_changed"
    ROUTE_REMOVED = "route_removed"
    API_USER_ADDED = "api_user_added"
    """: the API user's name."""
    API_USER_RENAMED = "api_user_renamed"
    """: the new name; before and after `{"name"}`."""
    API_USER_REMOVED = "api_user_removed"
    """: its name; after `{"keys": count}`, those that went with it."""
    API_KEY_ADDED = "api_key_added"
    """: the API user's name; after `{"kind", "hint", "scopes"}`."""
    API_KEY_ROTATED = "api_key_rotated"
    """: the API user's name; after `{"kind", "hint", "until"}` of the old one."""
    API_KEY_REMOVED = "api_key_removed"
    """: the API user's name; before `{"kind", "hint"}`."""
    WEBHOOK_ADDED = "webhook_added"
    """: its address without what follows the path; after `{"url", "description", "events"}`. The same holds for those below."""
    WEBHOOK_CHANGED = "webhook_changed"
    """: the address; before and after as above, or `{"state"}`."""
    WEBHOOK_REMOVED = "webhook_removed"
    WEBHOOK_SECRET_ROTATED = "webhook_secret_rotated"  # noqa: S105 - the name of an action
    WEBHOOK_DISABLED = "webhook_disabled"
    """: the address, of a webhook or an `api_url`; after `{"why"}`."""
    API_URL_SET = "api_url_set"
    """: the API user's name; before and after `{"url"}`."""
    API_URL_REMOVED = "api_url_removed"


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something. `group_id`: the topmost group of the path by whose adminship it is done, Master for the operator."""

    actor: Actor
    account_id: UUID | None = None
    address: str = ""
    group_id: UUID | None = None


SYSTEM = Author(Actor.SYSTEM)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry to be. `group_id`: in whose log it stands; None with `tenant_id` None: of the platform itself."""

    tenant_id: UUID | None
    group_id: UUID | None
    action: Action
    subject: str = ""
    subject_id: UUID | None = None
    before: Any = None
    after: Any = None


def record(session: Session, now: datetime, author: Author, changes: Sequence[Change]) -> None:
    """Write down changes, in the transaction in which they are made; one statement."""
    rows = [
        {
            "id": new_id(),
            "tenant_id": change.tenant_id,
            "group_id": change.group_id,
            "at": now,
            "actor": author.actor.value,
            "actor_id": author.account_id,
            "actor_address": author.address,
            "actor_group_id": author.group_id,
            "action": change.action.value,
            "subject": change.subject,
            "subject_id": change.subject_id,
            "before": change.before,
            "after": change.after,
        }
        for change in changes
    ]
    insert_rows(session, ENTRY, rows)
