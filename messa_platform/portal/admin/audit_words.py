"""The audit log in words: a sentence for each action, and what was before and is after it, as people read it (spec G12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.admin.api_users.words import KINDS, SCOPES
from messa_platform.portal.admin.webhooks.words import ALL_EVENTS, EVENTS
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import Entry, Named, Standing, Who
from messa_platform.tenants.group_settings import MAX_PARTS, Key, TooLong
from messa_platform.tenants.models import DomainState, Lock, Proof, TenantState
from messa_platform.tenants.people.plan import Word

SENTENCES: Mapping[Action, str] = {
    Action.SETTING_SET: msgid("Changed the setting %(subject)s"),
    Action.GROUP_ADDED: msgid("Added the group %(subject)s"),
    Action.GROUP_RENAMED: msgid("Gave the group the name %(subject)s"),
    Action.GROUP_MOVED: msgid("Moved the group %(subject)s"),
    Action.GROUP_REMOVED: msgid("Removed the group %(subject)s"),
    Action.ADMIN_ADDED: msgid("Made %(subject)s an admin"),
    Action.ADMIN_REMOVED: msgid("Removed %(subject)s as an admin"),
    Action.ACCOUNT_ADDED: msgid("Added the user %(subject)s"),
    Action.ACCOUNT_MOVED: msgid("Moved the user %(subject)s"),
    Action.ACCOUNT_CHANGED: msgid("Changed the user %(subject)s"),
    Action.ACCOUNT_REMOVED: msgid("Removed the user %(subject)s"),
    Action.ACCOUNT_BLOCKED: msgid("Blocked the user %(subject)s"),
    Action.ACCOUNT_UNBLOCKED: msgid("Unblocked the user %(subject)s"),
    Action.CONSENT_ASKED: msgid("Asked %(subject)s about moving to the group"),
    Action.CONSENT_GIVEN: msgid("Agreed to move to the group: %(subject)s"),
    Action.CONSENT_REFUSED: msgid("Declined to move to the group: %(subject)s"),
    Action.PEOPLE_ADDED: msgid("Added many users at once"),
    Action.DOMAIN_ADDED: msgid("Added the domain %(subject)s"),
    Action.DOMAIN_VERIFIED: msgid("Verified the domain %(subject)s"),
    Action.DOMAIN_SUSPENDED: msgid("Suspended the domain %(subject)s"),
    Action.DOMAIN_REMOVED: msgid("Removed the domain %(subject)s"),
    Action.DOMAIN_MOVED: msgid("Moved the domain %(subject)s"),
    Action.DOMAIN_TAKEN: msgid("Moved the users of the domain %(subject)s to the group"),
    Action.DOMAIN_TAKE_UNDONE: msgid("Moved the users of the domain %(subject)s back"),
    Action.SIGN_ON_SET: msgid("Set up single sign-on for %(subject)s"),
    Action.SIGN_ON_PAUSED: msgid("Switched off single sign-on for %(subject)s"),
    Action.SIGN_ON_REMOVED: msgid("Removed single sign-on for %(subject)s"),
    Action.WEBHOOK_ADDED: msgid("Added the webhook %(subject)s"),
    Action.WEBHOOK_CHANGED: msgid("Changed the webhook %(subject)s"),
    Action.WEBHOOK_REMOVED: msgid("Removed the webhook %(subject)s"),
    Action.WEBHOOK_SECRET_ROTATED: msgid("Gave the webhook %(subject)s a new secret"),
    Action.WEBHOOK_DISABLED: msgid("Switched off %(subject)s, which was told of messages"),
    Action.API_URL_SET: msgid("Set the callback address of the API user %(subject)s"),
    Action.API_URL_REMOVED: msgid("Removed the callback address of the API user %(subject)s"),
    Action.NUMBERS_RECALLED: msgid("Took numbers back"),
    Action.TENANT_CREATED: msgid("Created the organisation %(subject)s"),
    Action.TENANT_CHANGED: msgid("Changed the organisation %(subject)s"),
    Action.RANGE_ADDED: msgid("Added the number range %(subject)s"),
    Action.RANGE_CHANGED: msgid("Changed the number range %(subject)s"),
    Action.CHANNEL_ADDED: msgid("Connected the channel %(subject)s"),
    Action.CHANNEL_CHANGED: msgid("Changed the channel %(subject)s"),
    Action.CHANNEL_REMOVED: msgid("Removed the channel %(subject)s"),
    Action.CHANNEL_PAUSED: msgid("Paused the channel %(subject)s"),
    Action.CHANNEL_RESUMED: msgid("Resumed the channel %(subject)s"),
    Action.CHANNEL_MOVED: msgid("Moved the channel %(subject)s"),
    Action.PRICES_ADDED: msgid("Added prices for %(subject)s"),
    Action.PRICES_REMOVED: msgid("Removed coming prices for %(subject)s"),
    Action.PRICES_STANDARD: msgid("Made %(subject)s the standard price list"),
    Action.ROUTE_ADDED: msgid("Added a route to %(subject)s"),
    Action.ROUTE_CHANGED: msgid("Changed the route to %(subject)s"),
    Action.ROUTE_REMOVED: msgid("Removed the route to %(subject)s"),
    Action.API_USER_ADDED: msgid("Added the API user %(subject)s"),
    Action.API_USER_RENAMED: msgid("Gave the API user the name %(subject)s"),
    Action.API_USER_REMOVED: msgid("Removed the API user %(subject)s"),
    Action.API_KEY_ADDED: msgid("Made a key for the API user %(subject)s"),
    Action.API_KEY_ROTATED: msgid("Rotated a key of the API user %(subject)s"),
    Action.API_KEY_REMOVED: msgid("Removed a key of the API user %(subject)s"),
}
"""What was done, after who did it. `subject` as `Action` says."""
UNNAMED: Mapping[Action, str] = {
    Action.GROUP_ADDED: msgid("Added %(group)s"),
    Action.GROUP_RENAMED: msgid("Renamed %(group)s"),
    Action.GROUP_MOVED: msgid("Moved %(group)s"),
    Action.GROUP_REMOVED: msgid("Removed %(group)s"),
}
"""The same of a group that is not named to who reads: "Removed another group"."""
_UNKNOWN = msgid("Changed %(subject)s")
"""For what a newer version of us has written down."""

SETTINGS: Mapping[Key, str] = {
    Key.COUNTRY_CODE: msgid("Country code"),
    Key.MAY_RECEIVE: msgid("May receive SMS"),
    Key.SENDER_NAME: msgid("Sender name"),
    Key.SMART_CHARACTERS: msgid("Smart characters"),
    Key.TOO_LONG: msgid("Texts that are too long"),
    Key.SIGNATURE: msgid("Signature"),
    Key.GROUP_QUOTA: msgid("Number of SMS for the group with its subgroups"),
    Key.ACCOUNT_QUOTA: msgid("Number of SMS for each user in the group"),
}

ACTORS: Mapping[Who, str] = {
    Who.OVERLYING: msgid("an admin of an overlying group"),
    Who.ELSEWHERE: msgid("an admin of another organisation"),
    Who.OPERATOR: msgid("messa's operator"),
    Who.OWNER: msgid("the account's owner"),
    Who.SYSTEM: msgid("messa"),
}
"""Who did it, where no address is told."""

_GROUPS: Mapping[Standing, str] = {
    Standing.OVERLYING: msgid("an overlying group"),
    Standing.OTHER: msgid("another group"),
    Standing.ELSEWHERE: msgid("another organisation"),
}

PEOPLE: Mapping[Word, str] = {
    Word.ADD: msgid("New users"),
    Word.HERE: msgid("In the group already"),
    Word.MOVE: msgid("Moved here"),
    Word.MOVE_UNSEEN: msgid("Moved here from another group"),
    Word.TAKE: msgid("Moved here from elsewhere"),
    Word.RETURN: msgid("Came back"),
    Word.ASK: msgid("Asked by mail"),
    Word.ASKED: msgid("Asked before"),
    Word.TOMORROW: msgid("Had to wait until tomorrow"),
    Word.PAUSED: msgid("Not asked while suspended"),
    Word.BLOCKED: msgid("Blocked"),
    Word.OPERATOR: msgid("Cannot be moved"),
    Word.DUPLICATE: msgid("Named twice"),
    Word.BAD: msgid("No address"),
    Word.GONE: msgid("Too late"),
    Word.STOPPED: msgid("Not done any more"),
}
"""What became of so many addresses that were added at once."""

FIELDS: Mapping[str, str] = {
    "authority": msgid("Decided by the admins of"),
    "accepted": msgid("Accepted"),
    "blocked": msgid("Blocked"),
    "channels": msgid("Channels"),
    "cheapest": msgid("The cheapest first"),
    "client_id": msgid("Client ID"),
    "demands_second_factor": msgid("Admins need a second factor"),
    "description": msgid("Description"),
    "display_name": msgid("Name"),
    "enabled": msgid("Switched on"),
    "events": msgid("Events"),
    "first": msgid("First number"),
    "group": msgid("Group"),
    "groups": msgid("Its subgroups went to"),
    "hint": msgid("The key ends with"),
    "is_open": msgid("Numbers are lent from it"),
    "issuer": msgid("Issuer"),
    "keep_text_days": msgid("Days that texts are kept"),
    "keys": msgid("Keys that went with it"),
    "kind": msgid("Kind"),
    "language": msgid("Language"),
    "last": msgid("Last number"),
    "lock": msgid("Lock"),
    "mobile": msgid("Mobile number"),
    "moved": msgid("Users moved"),
    "name": msgid("Name"),
    "needs": msgid("The channel must be able to"),
    "numbers": msgid("Numbers"),
    "parent": msgid("Below"),
    "people": msgid("Its users went to"),
    "place": msgid("Place"),
    "placed_by_hand": msgid("Placed by an admin"),
    "prices": msgid("Number of prices"),
    "plugin": msgid("Plugin"),
    "proof": msgid("Proven by"),
    "rate": msgid("Texts a second at the most"),
    "scopes": msgid("May be used for"),
    "secret": msgid("Client secret"),
    "sender": msgid("Sender"),
    "settings": msgid("Settings that were set"),
    "signature": msgid("Signature"),
    "since": msgid("Counts from"),
    "slug": msgid("Short name"),
    "state": msgid("State"),
    "tenant": msgid("Organisation"),
    "time_zone": msgid("Time zone"),
    "until": msgid("The old key works until"),
    "url": msgid("Address"),
    "valid_from": msgid("Holds from"),
    "why": msgid("Why"),
}
"""What the fields of `before` and `after` are called; another one stands there by its own name."""

_LOCKS = {
    Lock.LOCKED: msgid("locked"),
    Lock.SUBADMIN: msgid("subadmins may change it"),
    Lock.ALL: msgid("everybody may change it"),
}
VALUES: Mapping[str, Mapping[str, str]] = {
    "events": {kind.value: words for kind, words in EVENTS.items()},
    "kind": {kind.value: words for kind, words in KINDS.items()}
    | {"cost": msgid("what the provider charges us"), "sale": msgid("what we charge")},
    "language": {"sv": "Svenska", "en": "English"},
    "lock": {lock.value: words for lock, words in _LOCKS.items()},
    "proof": {
        Proof.DNS: msgid("a DNS record"),
        Proof.PARENT: msgid("the domain above it"),
        Proof.OPERATOR: msgid("messa's operator"),
    },
    "scopes": {scope.value: words for group in SCOPES.values() for scope, words in group.items()},
    "secret": {"changed": msgid("changed")},
    "sender": {"number": msgid("a number"), "name": msgid("a sender name")},
    "state": {
        TenantState.ACTIVE: msgid("active"),
        TenantState.SUSPENDED: msgid("suspended"),
        TenantState.CLOSED: msgid("closed"),
        DomainState.WAITING: msgid("waits for its proof"),
        DomainState.VERIFIED: msgid("verified"),
        "disabled": msgid("switched off"),
    },
    "why": {
        "moved": msgid("moved out of the group"),
        "domain_moved": msgid("the domain was moved from another group"),
        "gone": msgid("it wants nothing any more"),
        "failing": msgid("it has taken nothing for days"),
        "admin": msgid("an admin wanted it so"),
    },
}
"""What the values of some fields are called."""
_TOO_LONG = {
    TooLong.REFUSE.value: msgid("are not sent"),
    TooLong.CUT.value: msgid("are cut"),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """What has changed: `before` None where there was nothing before, `after` None where nothing is left. `label` "": the sentence says it."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """An entry in words."""

    who: str
    what: str
    group: str
    details: tuple[Detail, ...]


def told(speech: Speech, entry: Entry) -> Told:
    """An entry in words of a language."""
    if entry.action == Action.SETTING_SET:
        details = _setting(speech, entry)
    elif entry.action == Action.PEOPLE_ADDED:
        details = _counts(speech, entry.after)
    else:
        details = _details(speech, entry.before, entry.after)
    who = speech.gettext(ACTORS[entry.who]) if entry.who in ACTORS else entry.address
    return Told(who, _sentence(speech, entry), group_words(speech, entry.group), details)


def _sentence(speech: Speech, entry: Entry) -> str:
    """What was done, and to whom or to what."""
    subject, action = entry.subject, Action(entry.action) if entry.action in set(Action) else None
    if isinstance(subject, Named):
        words = group_words(speech, subject)
        unnamed = UNNAMED.get(action) if action else None
        return speech.gettext(unnamed, group=words) if unnamed else _about(speech, action, words)
    return _about(
        speech, action, _setting_label(speech, subject) if action is Action.SETTING_SET else subject
    )


def _about(speech: Speech, action: Action | None, subject: str) -> str:
    return speech.gettext(SENTENCES[action] if action else _UNKNOWN, subject=subject)


def group_words(speech: Speech, group: Named) -> str:
    """A group by its name, or as what it is to who reads."""
    if group.standing is not Standing.SEEN:
        return speech.gettext(_GROUPS[group.standing])
    return speech.gettext("%(group)s (removed)", group=group.name) if group.is_gone else group.name


def _setting_label(speech: Speech, key: str) -> str:
    return speech.gettext(SETTINGS[Key(key)]) if key in set(Key) else key


def _setting(speech: Speech, entry: Entry) -> tuple[Detail, ...]:
    """The setting's value; where that is as it was, what else has changed about it."""
    held = (entry.before, entry.after)
    was, becomes = (_setting_words(speech, str(entry.subject), value) for value in held)
    more = [
        {name: value[name] for name in ("since", "authority") if isinstance(value, dict) and name in value}
        for value in held
    ]
    return (Detail("", was, becomes), *_details(speech, *more))


def _counts(speech: Speech, counts: Any) -> tuple[Detail, ...]:
    """What became of how many addresses."""
    given = counts if isinstance(counts, dict) else {}
    return tuple(
        Detail(speech.gettext(label), None, _value(speech, "", given[word]))
        for word, label in PEOPLE.items()
        if given.get(word)
    )


def _setting_words(speech: Speech, key: str, held: Any) -> str:
    """A setting as it stood on the group itself: its value, and that it is locked."""
    _ = speech.gettext
    if not isinstance(held, dict):
        return _("no limit") if key == Key.GROUP_QUOTA else _("inherited")
    words = setting_value(speech, key, held.get("value"))
    lock = str(held.get("lock", ""))
    told = lock == Lock.LOCKED or (key == Key.SIGNATURE and lock in set(Lock))
    return f"{words} ({_(_LOCKS[Lock(lock)])})" if told else words


def setting_value(speech: Speech, key: str, value: Any) -> str:
    """The value of a setting, as its page says it."""
    _ = speech.gettext
    if key in (Key.GROUP_QUOTA, Key.ACCOUNT_QUOTA):
        return quota_words(speech, value)
    if key == Key.COUNTRY_CODE:
        return f"+{value}"
    if key == Key.TOO_LONG and value in _TOO_LONG:
        return _(_TOO_LONG[value])
    return _value(speech, "", value)


def quota_words(speech: Speech, quota: Any) -> str:
    """A quota in words: "500 SMS in 30 days, at most 3 SMS a message"."""
    _ = speech.gettext
    if not isinstance(quota, dict):
        return _("no limit")
    sms, days, parts = quota.get("sms"), quota.get("window_days"), quota.get("max_parts") or MAX_PARTS
    if sms == 0:
        return _("not allowed to send")
    if sms is None:
        words = _("unlimited")
    else:
        words = speech.ngettext("%(num)s SMS", "%(num)s SMS", sms)
        if days == 1:
            words = _("%(amount)s a day", amount=words)
        elif days is not None:
            words = _("%(amount)s in %(days)s days", amount=words, days=speech.number(days))
    if parts < MAX_PARTS:
        words += ", " + speech.ngettext(
            "at most %(num)s SMS a message", "at most %(num)s SMS a message", parts
        )
    return words


def _details(speech: Speech, before: Any, after: Any) -> tuple[Detail, ...]:
    """The fields that differ, or that there are on one side only."""
    was, now = (value if isinstance(value, dict) else {} for value in (before, after))
    names = dict.fromkeys((*was, *now))
    return tuple(
        Detail(
            _label(speech, name),
            _value(speech, name, was[name]) if name in was else None,
            _value(speech, name, now[name]) if name in now else None,
        )
        for name in names
        if not (name in was and name in now and was[name] == now[name])
    )


def _label(speech: Speech, field: str) -> str:
    return speech.gettext(FIELDS[field]) if field in FIELDS else field.replace("_", " ")


def _value(speech: Speech, field: str, value: Any) -> str:
    """A value as people read it."""
    _ = speech.gettext
    match value:
        case None | "":
            return _("for ever") if field == "keep_text_days" else _("nothing")
        case bool():
            return _("yes") if value else _("no")
        case int():
            return speech.number(value)
        case Named():
            return group_words(speech, value)
        case []:
            return _(ALL_EVENTS) if field == "events" else _("nothing")
        case list():
            return ", ".join(_value(speech, field, each) for each in value)
        case dict():
            return ", ".join(
                f"{_label(speech, name)}: {_value(speech, name, v)}" for name, v in value.items()
            )
    if field in ("since", "until"):
        return f"{datetime.fromisoformat(value).astimezone(speech.zone):%Y-%m-%d %H:%M}"
    known = VALUES.get(field, {}).get(value)
    return _(known) if known else str(value)
