"""In development `/simulator` is forwarded to the simulator's process, so that one address shows everything."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from messa_platform.core.resources import Resource
from messa_platform.core.site import WebSettings

_PASSED_ON = (
    "Accept",
    "Accept-Language",
    "Content-Type",
    "If-None-Match",
    "Cookie",
    "Sec-Fetch-Site",
    "Origin",
)
_PASSED_BACK = frozenset(
    {
        "content-type",
        "content-security-policy",
        "location",
        "etag",
        "cache-control",
        "set-cookie",
        "x-content-type-options",
        "referrer-policy",
    }
)


class SimulatorResource(Resource):
    """`/simulator` and everything under it."""

    def __getitem__(self, name: str) -> SimulatorResource:
        return self


def forward(context: SimulatorResource, request: Request) -> Response:
    """Hand the request to the simulator's process and its answer back."""
    target = urlsplit(request.registry["messa.runtime"].settings[WebSettings].simulator_url)
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    ours = (f"{name}={value}" for name, value in request.cookies.items() if not name.startswith("messa_"))
    headers["Cookie"] = "; ".join(ours)  # who is signed in to the portal is none of its business
    connection = http.client.HTTPConnection(target.hostname or "127.0.0.1", target.port, timeout=10)
    try:
        connection.request(request.method, request.path_qs, body=request.body, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return Response(
            "Simulatorn svarar inte. Starta den med: messa simulator\n",
            status=502,
            content_type="text/plain",
            charset="utf-8",
        )
    finally:
        connection.close()
    response = Response(body, status=answer.status)
    for name, value in answer.getheaders():
        if name.lower() in _PASSED_BACK:
            response.headers[name] = value
    return response


def includeme(config: Configurator) -> None:
    """Mount `/simulator`, where the settings say that there is one."""
    if not config.registry["messa.runtime"].settings[WebSettings].simulator_url:
        return
    config.add_child("simulator", lambda request, parent: SimulatorResource(request, "simulator", parent))
    # the simulator's own page checks its forms itself
    config.add_view(forward, context=SimulatorResource, permission=NO_PERMISSION_REQUIRED, require_csrf=False)
