"""API users and their keys in words: what a key is and may do, how long an old one works on, and why something was refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.forms import Form
from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.keys import Key
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import LONGEST_NAME

KINDS: Mapping[KeyKind, str] = {KeyKind.SESSION: msgid("Session key"), KeyKind.V2: msgid("v2 key")}

SCOPES: Mapping[str, Mapping[Scope, str]] = {
    msgid("Messages"): {
        Scope.MESSAGES_SEND: msgid("Send messages"),
        Scope.MESSAGES_READ: msgid("Read messages and answers"),
    },
    msgid("Groups and settings"): {
        Scope.GROUPS_READ: msgid("Read groups and settings"),
        Scope.GROUPS_WRITE: msgid("Change groups and settings"),
    },
    msgid("People"): {
        Scope.PEOPLE_READ: msgid("Read users and admins"),
        Scope.PEOPLE_WRITE: msgid("Change users and admins"),
    },
    msgid("API users"): {
        Scope.API_USERS_READ: msgid("Read API users"),
        Scope.API_USERS_WRITE: msgid("Change API users and give them keys"),
    },
    msgid("Domains"): {
        Scope.DOMAINS_READ: msgid("Read domains"),
        Scope.DOMAINS_WRITE: msgid("Change domains"),
    },
    msgid("Channels"): {
        Scope.CHANNELS_READ: msgid("Read channels"),
        Scope.CHANNELS_WRITE: msgid("Change channels"),
    },
    msgid("Webhooks"): {
        Scope.WEBHOOKS_READ: msgid("Read webhooks"),
        Scope.WEBHOOKS_WRITE: msgid("Change webhooks"),
    },
    msgid("Follow-up"): {
        Scope.USAGE_READ: msgid("Read usage"),
        Scope.AUDIT_READ: msgid("Read the audit log"),
        Scope.BILLING_READ: msgid("Read invoices"),
    },
}
"""What a key of v2 may be used for, in the order of the form, by its headings."""
_SESSION_MAY = msgid("Send messages and ask for their status")
_ALL = msgid("Everything")

OVERLAPS: Mapping[str, tuple[timedelta, str]] = {
    "0": (timedelta(), msgid("It stops at once")),
    "1": (timedelta(hours=1), msgid("It works for another hour")),
    "24": (timedelta(days=1), msgid("It works for another day")),
    "168": (timedelta(days=7), msgid("It works for another 7 days")),
    "720": (timedelta(days=30), msgid("It works for another 30 days")),
}
"""How long a rotated key works on beside the new one, by the hours that stand in the form."""
USUAL_OVERLAP = "24"

USER_REFUSALS: Mapping[users.Refusal, tuple[str, str]] = {
    users.Refusal.NO_NAME: ("name", msgid("Write a name.")),
    users.Refusal.TOO_LONG: ("name", msgid("Shorten the name to %(max)s characters at the most.")),
    users.Refusal.TAKEN: ("name", msgid("The group has another API user of that name. Choose another name.")),
    users.Refusal.TOO_MANY: ("", msgid("The group has %(most)s API users, and cannot have more.")),
}
"""The field that is wrong, "" for the form as a whole, and what to do. `UNKNOWN` is a page that is not there."""
KEY_REFUSALS: Mapping[keys.Refusal, tuple[str, str]] = {
    keys.Refusal.TOO_LONG: ("name", msgid("Shorten the name to %(max)s characters at the most.")),
    keys.Refusal.TOO_MANY: (
        "",
        msgid("The API user has %(most)s keys, and cannot have more. Remove one that is not used any more."),
    ),
    keys.Refusal.PAST: ("expires", msgid("Choose today or a later day.")),
    keys.Refusal.TOO_FAR: ("overlap", msgid("Choose one of the alternatives.")),
}
"""The same for a key."""


def field_of(scope: Scope) -> str:
    """The name of a scope's box in the form."""
    return f"scope-{scope.value.replace(':', '-')}"


_FIRST = field_of(next(iter(Scope)))
_NO_SCOPE = msgid("Tick what the key is to be used for, one thing at least.")


def say_no_user(speech: Speech, form: Form, refusal: users.Refusal) -> None:
    """Say in its form why an API user was not made or changed."""
    field, sentence = USER_REFUSALS[refusal]
    form.fail(field, speech.gettext(sentence, max=LONGEST_NAME, most=users.MOST))


def say_no_key(speech: Speech, form: Form, refusal: keys.Refusal) -> None:
    """Say in its form why a key was not made."""
    field, sentence = (_FIRST, _NO_SCOPE) if refusal is keys.Refusal.NO_SCOPE else KEY_REFUSALS[refusal]
    form.fail(field, speech.gettext(sentence, max=LONGEST_NAME, most=keys.MOST))


@dataclass(frozen=True, slots=True)
class Row:
    """A key in words. `maker` "": not told. `is_over`: it works no more."""

    key: Key
    kind: str
    may: str
    maker: str
    is_over: bool

    @property
    def called(self) -> str:
        """By what people tell keys apart: "Larmservern …1234"."""
        return f"{self.key.name} …{self.key.hint}".strip()


def row_of(speech: Speech, key: Key, now: datetime, known: Collection[str]) -> Row:
    """A key in words; who made it is told if they are among the `known`, those whom the reader may see."""
    _ = speech.gettext
    maker = key.created_by if key.created_by in known else _("another admin")
    return Row(key, _(KINDS[key.kind]), _may(speech, key), maker, is_over(key, now))


def is_over(key: Key, now: datetime) -> bool:
    """Whether a key has expired."""
    return key.expires_at is not None and key.expires_at <= now


def _may(speech: Speech, key: Key) -> str:
    _ = speech.gettext
    if key.kind is KeyKind.SESSION:
        return _(_SESSION_MAY)
    if key.scopes == frozenset(Scope):
        return _(_ALL)
    said = scope_words(speech, key.scopes)
    return ", ".join(said[:1] + [words[:1].lower() + words[1:] for words in said[1:]])


def scope_words(speech: Speech, scopes: Iterable[Scope]) -> list[str]:
    """What a key may be used for, in the order of the form."""
    given = set(scopes)
    return [
        speech.gettext(words) for group in SCOPES.values() for scope, words in group.items() if scope in given
    ]
