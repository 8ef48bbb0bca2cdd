"""Expected outcomes in words."""

from __future__ import annotations

from messa_platform.core.i18n import Speech
from messa_platform.tenants.access.passwords import Weakness


def weakness_in_words(speech: Speech, weakness: Weakness) -> str:
    """What to do about a password that will not do."""
    _ = speech.gettext
    return {
        Weakness.TOO_SHORT: _("Use at least 10 characters. A short sentence is easy to remember."),
        Weakness.TOO_LONG: _("Use at most 200 characters."),
        Weakness.TOO_COMMON: _("That is among the first that others would guess. Choose something else."),
        Weakness.LIKE_ADDRESS: _("Do not use your e-mail address. Choose something else."),
    }[weakness]
