"""`@@signature`: what stands at the end of the texts of a group, and who may have another one (spec G8, S5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.core.gsm import fits_gsm
from messa_platform.core.i18n import Speech, msgid
from messa_platform.core.segments import GSM_SINGLE, UCS2_SINGLE, Encoding, segment
from messa_platform.messaging.smart import smart
from messa_platform.portal.admin import setting_forms
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.setting_forms import Reader, Shown
from messa_platform.portal.forms import Form, written
from messa_platform.tenants.group_settings import Key, one_line
from messa_platform.tenants.held_settings import Held, held
from messa_platform.tenants.profile import MAX_SIGNATURE
from messa_platform.tenants.set_settings import Changed

TAB = "signature"

_TOO_LONG = msgid("Shorten the signature to %(max)s characters at the most.")


@dataclass(frozen=True, slots=True)
class Room:
    """What a signature takes of the first SMS. `units`: with its line break, in septets or code units; `single` fit into one SMS.

    `strangers`: the characters for which there is less room than there might be. `over`: it is too long by so many characters.
    """

    units: int
    single: int
    strangers: str
    over: int

    @property
    def left(self) -> int:
        """What is left of one SMS for the text."""
        return max(0, self.single - self.units)


def room_of(signature: str, is_smart: bool) -> Room:
    """What a signature takes; `is_smart`: typographic characters are made plain before."""
    line = f"\n{signature}" if signature else ""
    line = smart(line) if is_smart else line
    segments = segment(line)
    is_gsm = segments.encoding is Encoding.GSM
    strangers = "" if is_gsm else "".join(dict.fromkeys(c for c in line if not fits_gsm(c)))
    single = GSM_SINGLE if is_gsm else UCS2_SINGLE
    return Room(segments.units, single, strangers[:5], max(0, len(signature) - MAX_SIGNATURE))


def _signature(speech: Speech, form: Form, setting: Held) -> str:
    signature = one_line(form.values.get(setting.key, ""))
    if len(signature) > MAX_SIGNATURE:
        form.fail(setting.key, speech.gettext(_TOO_LONG, max=speech.number(MAX_SIGNATURE)))
    return signature


READERS: Mapping[Key, Reader] = {Key.SIGNATURE: _signature}


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The signature in force."""
    return _page(context, setting_forms.fresh(context, READERS))


def change(context: GroupResource, request: Request) -> Any:
    """Save another one, or inherit it."""
    done = setting_forms.submit(context, READERS)
    if isinstance(done, Changed):
        return setting_forms.saved(context, TAB, done)
    return _page(context, done)


def count(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """What the signature that is being written takes, for the page that it is written on."""
    settings = held(request.db, context.path, context.authority)
    signature = one_line(written(request.POST).get(Key.SIGNATURE, ""))
    return {"room": room_of(signature, settings[Key.SMART_CHARACTERS].value)}


def _page(context: GroupResource, shown: Shown) -> Mapping[str, Any]:
    signature = one_line(shown.form.values.get(Key.SIGNATURE, ""))
    return setting_forms.show(
        context,
        TAB,
        shown,
        room=room_of(signature, shown.held[Key.SMART_CHARACTERS].value),
        max_length=MAX_SIGNATURE,
    )


def includeme(config: Configurator) -> None:
    """Mount the page, its form, and the live counter."""
    config.add_group_view(show, TAB, "signature")
    config.add_group_view(change, TAB, "signature", request_method="POST")
    config.add_group_view(count, "signature-count", "signature_count", request_method="POST")
