"""Where the account's own pages hang: `/account`. Whose account it is, is told by the session alone; no address names one."""

from __future__ import annotations

from pyramid.authorization import DENY_ALL, Allow

from messa_platform.core.resources import Resource
from messa_platform.portal.identity import SIGNED_IN

PERMISSION = "account"


class AccountResource(Resource):
    """`/account`: of whoever is signed in."""

    __acl__ = ((Allow, SIGNED_IN, PERMISSION), DENY_ALL)
