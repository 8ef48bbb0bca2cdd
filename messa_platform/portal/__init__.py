"""What people see: public pages, sign-in, messages, account."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.core import i18n
from messa_platform.portal import (
    account,
    admin,
    consent,
    csrf,
    demanded,
    identity,
    live,
    messages,
    operator,
    pages,
    passwords,
    public,
    sign_in,
    single_sign_on,
    trouble,
    uploads,
)

PARTS = (
    i18n,
    pages,
    identity,
    live,
    uploads,
    csrf,
    trouble,
    demanded,
    public,
    sign_in,
    passwords,
    single_sign_on,
    messages,
    account,
    admin,
    operator,
    consent,
)


def includeme(config: Configurator) -> None:
    """Each part of the portal, in order."""
    for part in PARTS:
        config.include(part)
