"""The forms of a group's settings: their fields, what was written in them, and what became of that (spec G2, G3).

Each setting has its own fields, which begin with its key: `-inherit`, `-lock`, `-below` (the groups below shall inherit it, too) and `-seen`,
the mark of what the form showed when it was opened. What its user has left as it was is not touched, whoever has changed it meanwhile;
for what was changed the mark tells whether somebody else was first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.admin.audit import Row, row_of
from messa_platform.portal.admin.audit_words import SETTINGS, setting_value
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, asked, written
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.group_settings import NO_LIMIT, Key, fits_lock
from messa_platform.tenants.held_settings import MOST_BELOW, Held, held
from messa_platform.tenants.models import Lock
from messa_platform.tenants.set_settings import INHERIT, Changed, Conflict, NotAllowed, Wish, change

Reader = Callable[[Speech, Form, Held], Any]
"""Reads a setting's value from its fields; what is wrong with them it says in the form."""

LOCKS: Mapping[Lock, tuple[str, str]] = {
    Lock.LOCKED: (
        msgid("Locked"),
        msgid("Admins of groups below can change it neither here nor in any group below."),
    ),
    Lock.SUBADMIN: (
        msgid("Can be changed by subadmins"),
        msgid("Admins of groups below may set something else for their groups."),
    ),
    Lock.ALL: (
        msgid("Can be changed by everybody"),
        msgid("Each user gets it to begin with, and may change or remove it under Account."),
    ),
}
"""A lock's name, and what it means."""

_CONFLICT = msgid(
    "Somebody else has changed the same thing meanwhile, and nothing of yours was saved. Look at what is different. If you save"
    " again, yours holds."
)
_LOCKED = msgid("An overlying group has locked this meanwhile, and nothing of yours was saved: %(settings)s")
_UNTICK = msgid("What you have written holds once you untick the box below it.")
_CHOOSE = msgid("Choose one of the alternatives.")


@dataclass(frozen=True, slots=True)
class Shown:
    """A form of settings on its way to its page. `marks` by key; `changes` and `differing` tell what others have done meanwhile."""

    form: Form
    held: Mapping[Key, Held]
    marks: Mapping[Key, str]
    status: int = 200
    changes: Sequence[Row] = ()
    differing: Sequence[tuple[str, str, str]] = ()


# What fields hold


def fields_of(setting: Held) -> dict[str, str]:
    """The fields of a setting as it stands."""
    key = setting.key.value
    fields = {f"{key}-lock": setting.lock.value}
    if not setting.is_own:
        fields[f"{key}-inherit"] = "1"
    match setting.shown:
        case bool(value):
            fields[key] = "yes" if value else "no"
        case dict(quota):
            sms, days = quota.get("sms"), quota.get("window_days")
            fields |= {
                key: "unlimited" if sms is None else "number" if sms else "barred",
                f"{key}-sms": str(sms or ""),
                f"{key}-window": str(days or ""),
                f"{key}-parts": str(quota.get("max_parts") or NO_LIMIT["max_parts"]),
            }
        case value:
            fields[key] = str(value)
    return fields


def _digest(*values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _shape(value: Any, lock: Lock) -> str:
    return _digest() if value is INHERIT else _digest(value, lock.value)


def mark(setting: Held) -> str:
    """What a setting is when its form is opened: its version, what an untouched form says, and the value that it shows."""
    value = setting.shown
    return f"{setting.version} {_shape(value if setting.is_own else INHERIT, setting.lock)} {_digest(value)}"


# Reading what was written


def _wishes(
    speech: Speech, form: Form, holding: Mapping[Key, Held], readers: Mapping[Key, Reader]
) -> dict[Key, Wish]:
    """What the form wants changed; what is wrong with it is said in the form."""
    wishes = {}
    for key, reader in readers.items():
        seen = form.values.get(f"{key}-seen", "").split()
        if len(seen) != 3 or not _is_version(seen[0]):
            continue  # a setting that was locked when the form was opened has no fields in it
        wish = _wish(speech, form, holding[key], reader, seen)
        if wish is not None:
            wishes[key] = wish
    return wishes


def _is_version(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 19


def _wish(speech: Speech, form: Form, setting: Held, reader: Reader, seen: Sequence[str]) -> Wish | None:
    key = setting.key
    value: Any = INHERIT
    if f"{key}-inherit" not in form.values:
        value = reader(speech, form, setting)
    elif seen[1] == _shape(INHERIT, setting.lock) and _is_overwritten(speech, form, setting, reader, seen[2]):
        form.fail(key, speech.gettext(_UNTICK))
    lock = _lock(speech, form, key)
    if lock is None or key in form.errors:
        return None
    below, anew = f"{key}-below" in form.values, f"{key}-anew" in form.values
    if _shape(value, lock) == seen[1] and not below and not anew:
        return None
    return Wish(value, lock, int(seen[0]), clear_below=below, count_anew=anew)


def _lock(speech: Speech, form: Form, key: Key) -> Lock | None:
    word = form.values.get(f"{key}-lock", "")
    if word in set(Lock) and fits_lock(key, Lock(word)):
        return Lock(word)
    form.fail(f"{key}-lock", speech.gettext(_CHOOSE))
    return None


def _is_overwritten(speech: Speech, form: Form, setting: Held, reader: Reader, shown: str) -> bool:
    """Whether something else stands in the fields of an inherited setting than what was shown there."""
    if form.values.get(f"{setting.key}-lock") != setting.lock:
        return not setting.is_own
    trial = Form(values=form.values)
    value = reader(speech, trial, setting)
    return trial.ok and _digest(value) != shown


def choice(values: Mapping[str, Any]) -> Reader:
    """A reader of alternatives: by each field's word the value."""

    def read(speech: Speech, form: Form, setting: Held) -> Any:
        word = form.values.get(setting.key, "")
        if word not in values:
            form.fail(setting.key, speech.gettext(_CHOOSE))
        return values.get(word)

    return read


# What becomes of it


def fresh(context: GroupResource, keys: Iterable[Key]) -> Shown:
    """The form of these settings as they stand."""
    holding = held(context.request.db, context.path, context.authority)
    form = Form()
    for key in keys:
        form.values |= fields_of(holding[key])
    return Shown(form, holding, {key: mark(holding[key]) for key in keys})


def submit(context: GroupResource, readers: Mapping[Key, Reader]) -> Changed | Shown:
    """Save what was written, or show it again with what is wrong. Raises HTTPNotFound if the group is the asker's no longer."""
    request = context.request
    runtime = request.registry["messa.runtime"]
    form = Form(values=written(request.POST))
    holding = held(request.db, context.path, context.authority)
    wishes = _wishes(request.speech, form, holding, readers)
    if not form.ok:
        # the marks stay those of what was looked at when it was written
        marks = {key: form.values.get(f"{key}-seen", mark(holding[key])) for key in readers}
        return Shown(form, holding, marks, 422)
    answer = change(
        request.db, runtime.clock.now(), context.author, context.path, wishes, runtime.waker.wake_after_commit
    )
    if isinstance(answer, NotAdmin):
        raise HTTPNotFound
    return answer if isinstance(answer, Changed) else _refused(context, form, readers, wishes, answer)


def _refused(
    context: GroupResource,
    form: Form,
    keys: Iterable[Key],
    wishes: Mapping[Key, Wish],
    answer: Conflict | NotAllowed,
) -> Shown:
    """The form anew: what its user wants is still there, all else is as it is now."""
    speech = context.request.speech
    now = fresh(context, keys)
    values = {n: v for n, v in form.values.items() if n.partition("-")[0] in wishes}
    for key, setting in now.held.items():
        if key in keys and key not in wishes:
            values |= fields_of(setting)
    again = Form(values=values)
    if isinstance(answer, NotAllowed):
        names = ", ".join(speech.gettext(SETTINGS[key]) for key in answer.keys)
        again.fail("", speech.gettext(_LOCKED, settings=names))
        return Shown(again, now.held, now.marks, 409)
    again.fail("", speech.gettext(_CONFLICT))
    changes = [row_of(speech, entry) for entry in answer.entries.values() if entry is not None]
    differing = [_difference(speech, wishes[key], now.held[key]) for key in answer.entries]
    return Shown(again, now.held, now.marks, 409, changes, differing)


def _difference(speech: Speech, wish: Wish, setting: Held) -> tuple[str, str, str]:
    """A setting's name, what was wished for it, and what holds now."""
    now = setting.value if setting.is_own else INHERIT
    words = [_words(speech, setting.key, value) for value in (wish.value, now)]
    if wish.value is not INHERIT and now is not INHERIT and wish.lock is not setting.lock:
        words = [
            f"{w} ({speech.gettext(LOCKS[lock][0])})"
            for w, lock in zip(words, (wish.lock, setting.lock), strict=True)
        ]
    return speech.gettext(SETTINGS[setting.key]), words[0], words[1]


def _words(speech: Speech, key: Key, value: Any) -> str:
    if value is INHERIT:
        return speech.gettext("no limit") if key is Key.GROUP_QUOTA else speech.gettext("inherited")
    return setting_value(speech, key, value)


def show(context: GroupResource, tab: str, shown: Shown, **values: Any) -> Mapping[str, Any]:
    """What the page of a form of settings shows: `tab` is the page's name."""
    speech = context.request.speech
    return page(
        context,
        tab,
        shown.form,
        shown.status,
        held={key.value: setting for key, setting in shown.held.items()},
        marks={key.value: word for key, word in shown.marks.items()},
        in_words={key.value: setting_value(speech, key, s.value) for key, s in shown.held.items()},
        above_in_words={key.value: _above_words(speech, setting) for key, setting in shown.held.items()},
        may_save=any(shown.held[key].may_change for key in shown.marks),
        locks=LOCKS,
        most_below=MOST_BELOW,
        changes=shown.changes,
        differing=shown.differing,
        **values,
    )


def _above_words(speech: Speech, setting: Held) -> str:
    """What would be inherited; "" where that is a figure of an overlying group that does not hold here (spec G2)."""
    return setting_value(speech, setting.key, setting.above) if setting.tells_above else ""


def saved(context: GroupResource, tab: str, done: Changed) -> HTTPSeeOther:
    """On to the page, which says what was done."""
    if not (done.keys or done.cleared):
        return HTTPSeeOther(context.address(f"@@{tab}", said="settings-same"))
    what, below = ".".join(done.keys), done.cleared or ""
    code = "settings-recall" if done.recalls else "settings-saved"
    return HTTPSeeOther(context.address(f"@@{tab}", what=what, below=below, said=code))


def _saved_words(request: Request) -> str:
    """Which settings were saved, and how many of groups below are inherited now, as the address tells."""
    speech, keys = request.speech, set(asked(request, "what").split("."))
    names = [speech.gettext(name) for key, name in SETTINGS.items() if key in keys]
    words = [speech.gettext("Saved: %(settings)s.", settings=", ".join(names))] if names else []
    below = asked(request, "below", 6)
    if below.isascii() and below.isdigit():
        words.append(
            speech.ngettext(
                "%(num)s setting of the groups below is removed and inherited now.",
                "%(num)s settings of the groups below are removed and inherited now.",
                int(below),
            )
        )
    return " ".join(words) or speech.gettext("Saved.")


def _recall_words(request: Request) -> str:
    recalling = request.speech.gettext("The numbers of those who can receive no more are being taken back.")
    return f"{_saved_words(request)} {recalling}"


def includeme(config: Configurator) -> None:
    """What the pages say when something was done."""
    config.add_saying("settings-saved", _saved_words)
    config.add_saying("settings-same", msgid("Nothing was changed."), tone="info")
    config.add_saying("settings-recall", _recall_words)
