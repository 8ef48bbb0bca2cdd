"""`@@settings`, a group's permissions: country code, receiving, characters, long texts, and the two kinds of quota (spec G2-G6, S3, S4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.admin import setting_forms
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.setting_forms import Reader, Shown, choice
from messa_platform.portal.forms import Form
from messa_platform.tenants.group_settings import MAX_PARTS, MOST_DAYS, MOST_SMS, Key, TooLong, fits
from messa_platform.tenants.held_settings import Held
from messa_platform.tenants.quota_view import quota_view
from messa_platform.tenants.set_settings import Changed

TAB = "settings"

_NO_COUNTRY = msgid("Enter a country code in digits, such as 46 for Sweden.")
_NO_KIND = msgid("Choose how many SMS may be sent.")
_NO_NUMBER = msgid("Enter a number of SMS, from 1 to %(most)s.")
_NO_WINDOW = msgid("Enter a number of days, from 1 to %(most)s, or leave the field empty.")
_NO_PARTS = msgid("Choose from 1 to %(most)s.")
_CHOOSE_NUMBER = msgid(
    "You have written a number of SMS. Choose the alternative with a number, too, or empty the field."
)


def _country(speech: Speech, form: Form, setting: Held) -> str:
    code = form.values.get(setting.key, "").strip().removeprefix("+").removeprefix("00")
    if not fits(Key.COUNTRY_CODE, code):
        form.fail(setting.key, speech.gettext(_NO_COUNTRY))
    return code


def _quota(speech: Speech, form: Form, setting: Held) -> dict[str, int | None]:
    _, key = speech.gettext, setting.key
    kind, written = form.values.get(key, ""), form.values.get(f"{key}-sms", "")
    sms: int | None = {"barred": 0}.get(kind)
    if kind not in ("unlimited", "number", "barred"):
        form.fail(key, _(_NO_KIND))
    elif kind == "number":
        sms = _number(written, MOST_SMS)
        if sms is None:
            form.fail(f"{key}-sms", _(_NO_NUMBER, most=speech.number(MOST_SMS)))
    elif written.strip() and setting_forms.fields_of(setting)[key] == kind:
        # what was there before may stay in the field when another alternative is chosen; this was written for it
        form.fail(f"{key}-sms", _(_CHOOSE_NUMBER))
    days = form.values.get(f"{key}-window", "").strip()
    window = _number(days, MOST_DAYS)
    if days and not window:
        form.fail(f"{key}-window", _(_NO_WINDOW, most=speech.number(MOST_DAYS)))
    parts = _number(form.values.get(f"{key}-parts", ""), MAX_PARTS)
    if not parts:
        form.fail(f"{key}-parts", _(_NO_PARTS, most=speech.number(MAX_PARTS)))
    return {"sms": sms, "window_days": window, "max_parts": parts}


def _number(written: str, most: int) -> int | None:
    """A number as people write it: "12 500"."""
    digits = "".join(written.split())
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))):
        return None
    return int(digits) if int(digits) <= most else None


_SWITCH = choice({"yes": True, "no": False})
READERS: Mapping[Key, Reader] = {
    Key.COUNTRY_CODE: _country,
    Key.MAY_RECEIVE: _SWITCH,
    Key.SMART_CHARACTERS: _SWITCH,
    Key.TOO_LONG: choice({how.value: how.value for how in TooLong}),
    Key.GROUP_QUOTA: _quota,
    Key.ACCOUNT_QUOTA: _quota,
}


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The group's permissions, and how far its quotas are used."""
    return _page(context, request, setting_forms.fresh(context, READERS))


def change(context: GroupResource, request: Request) -> Any:
    """Save what was changed."""
    done = setting_forms.submit(context, READERS)
    if isinstance(done, Changed):
        return setting_forms.saved(context, TAB, done)
    return _page(context, request, done)


def _page(context: GroupResource, request: Request, shown: Shown) -> Mapping[str, Any]:
    now = request.registry["messa.runtime"].clock.now()
    return setting_forms.show(
        context,
        TAB,
        shown,
        quotas=quota_view(request.db, now, context.path, context.authority),
        is_master=context.place.parent_id is None,
        most_parts=[(n, request.speech.number(n)) for n in range(1, MAX_PARTS + 1)],
    )


def includeme(config: Configurator) -> None:
    """Mount the page and its form."""
    config.add_group_view(show, TAB, "settings")
    config.add_group_view(change, TAB, "settings", request_method="POST")
