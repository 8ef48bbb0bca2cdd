"""`@@sender-name`: what the texts of a group come from where its people have no numbers of their own (spec G9, R1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel.lists import format_list
from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.admin import setting_forms
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.setting_forms import Reader, Shown
from messa_platform.portal.forms import Form
from messa_platform.tenants.group_settings import MAX_SENDER_NAME, Key, fits, one_line
from messa_platform.tenants.held_settings import Held
from messa_platform.tenants.set_settings import Changed

TAB = "sender-name"

REFUSING = ("US", "CA", "PR", "AR", "BE", "BR", "CN", "MY", "ZA")
"""Countries whose networks let no names through, as providers list them (ISO 3166): a number takes the name's place, or the text is stopped."""

_TOO_LONG = msgid("Shorten the sender name to %(max)s characters at the most.")
_EMPTY = msgid("Enter a sender name.")
_DIGITS = msgid("Add a letter: a sender name of digits alone would be taken for a number.")
_CHARACTERS = msgid("Use letters, digits and spaces only. This does not fit: %(characters)s")


def _name(speech: Speech, form: Form, setting: Held) -> str:
    name = one_line(form.values.get(setting.key, ""))
    if fits(Key.SENDER_NAME, name):
        return name
    _ = speech.gettext
    # beside a letter each character is good or bad by itself
    strange = "".join(dict.fromkeys(c for c in name if c != " " and not fits(Key.SENDER_NAME, f"a{c}")))
    if not name:
        form.fail(setting.key, _(_EMPTY))
    elif strange:
        form.fail(setting.key, _(_CHARACTERS, characters=" ".join(strange[:MAX_SENDER_NAME])))
    elif len(name) > MAX_SENDER_NAME:
        form.fail(setting.key, _(_TOO_LONG, max=speech.number(MAX_SENDER_NAME)))
    else:
        form.fail(setting.key, _(_DIGITS))
    return name


READERS: Mapping[Key, Reader] = {Key.SENDER_NAME: _name}


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The sender name in force."""
    return _page(context, request, setting_forms.fresh(context, READERS))


def change(context: GroupResource, request: Request) -> Any:
    """Save another one, or inherit it."""
    done = setting_forms.submit(context, READERS)
    if isinstance(done, Changed):
        return setting_forms.saved(context, TAB, done)
    return _page(context, request, done)


def _page(context: GroupResource, request: Request, shown: Shown) -> Mapping[str, Any]:
    locale = request.speech.locale
    refusing = format_list([locale.territories[code] for code in REFUSING], locale=locale)
    return setting_forms.show(context, TAB, shown, max_length=MAX_SENDER_NAME, refusing=refusing)


def includeme(config: Configurator) -> None:
    """Mount the page and its form."""
    config.add_group_view(show, TAB, "sender_name")
    config.add_group_view(change, TAB, "sender_name", request_method="POST")
