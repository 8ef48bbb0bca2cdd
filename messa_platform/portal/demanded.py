"""The second factor that the platform demands of its operators, and an organisation may demand of its admins (spec I3)."""

from __future__ import annotations

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.core.site import SiteSettings
from messa_platform.portal.pages import url


def demand_second_factor(request: Request, by_organisation: bool = False) -> None:
    """Lead who is signed in without one to where it is set up; an operator always, but in the demo. Raises `HTTPSeeOther`."""
    identity = request.identity
    is_demo = request.registry["messa.runtime"].settings[SiteSettings].demo
    is_demanded = by_organisation or (identity.is_operator and not is_demo)
    if is_demanded and not identity.has_second_factor:
        raise HTTPSeeOther(url(request, "account", "second-factor", said="second-factor-demanded"))


def includeme(config: Configurator) -> None:
    """What is said there."""
    config.add_saying(
        "second-factor-demanded",
        msgid("The pages for admins ask for a second factor. Set it up here, then they open."),
        tone="info",
    )
