"""Tokens against forged forms, with a session and without one, with cookies and without them.

Signed in, the token is made from the session's own secret. Signed out, it is a stamp that knows the browser by its probe cookie or, where
cookies are refused, by its name and network: a stranger's page can have neither.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Any

from pyramid.config import Configurator
from pyramid.interfaces import ICSRFStoragePolicy
from pyramid.request import Request
from pyramid.response import Response
from zope.interface import implementer

from messa_platform.portal import cookies
from messa_platform.portal.identity import binding

_LIFE = timedelta(days=1)
_PURPOSE = "csrf"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _set_probe(request: Request, response: Response) -> None:
    cookies.put(request, response, cookies.PROBE, request.messa_probe)


def _probe(request: Request) -> str:
    """The probe cookie's value: as it came, else a new one that goes out with the answer."""
    known = cookies.get(request, cookies.PROBE)
    if known:
        return known
    if getattr(request, "messa_probe", None) is None:
        request.messa_probe = secrets.token_urlsafe(16)
        request.add_response_callback(_set_probe)
    probe: str = request.messa_probe
    return probe


def takes_cookies(request: Request) -> bool:
    """Whether the browser has sent the probe cookie back."""
    return cookies.get(request, cookies.PROBE) is not None


def _of_session(secret: bytes) -> str:
    made = hmac.new(secret, b"form", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


@implementer(ICSRFStoragePolicy)
class CsrfTokens:
    """Pyramid's way to make and check the tokens."""

    def new_csrf_token(self, request: Request) -> str:
        return self.get_csrf_token(request)

    def get_csrf_token(self, request: Request) -> str:
        """The token for the forms of a page."""
        if request.identity is not None:
            return _of_session(request.identity.csrf)
        payload = {"probe": _digest(_probe(request)), "binding": binding(request).hex()}
        stamp: str = request.registry["messa.runtime"].keys.stamp(_PURPOSE, payload)
        return stamp

    def check_csrf_token(self, request: Request, supplied: Any) -> bool:
        """Whether the token that came with a form is this browser's."""
        # what browsers say of a form's origin themselves (Fetch Metadata); older ones say nothing
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return False
        supplied = str(supplied)
        if request.identity is not None:
            return hmac.compare_digest(_of_session(request.identity.csrf).encode(), supplied.encode())
        runtime = request.registry["messa.runtime"]
        payload = runtime.keys.read_stamp(_PURPOSE, supplied, runtime.clock.now(), _LIFE)
        if payload is None:
            return False
        probe = cookies.get(request, cookies.PROBE)
        if probe:
            return hmac.compare_digest(str(payload.get("probe")), _digest(probe))
        return hmac.compare_digest(str(payload.get("binding")), binding(request).hex())


def includeme(config: Configurator) -> None:
    """Every form is checked, unless its view says that it needs none."""
    config.set_csrf_storage_policy(CsrfTokens())
    # The origin is no help: with Referrer-Policy no-referrer browsers send "null" (Fetch standard, 3.2)
    config.set_default_csrf_options(require_csrf=True, check_origin=False)
