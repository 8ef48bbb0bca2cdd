"""What is sent to us with a form: not without end, and put away with its request."""

from __future__ import annotations

from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.httpexceptions import HTTPRequestEntityTooLarge
from pyramid.request import Request

MOST_BYTES = 16 * 2**20
"""Of a request to the messages' pages. What is larger than a file may be, but no larger than this, is told beside its field."""


def _look_at(event: NewRequest) -> None:
    request = event.request
    if (request.content_length or 0) > MOST_BYTES and request.path_info.startswith("/messages"):
        raise HTTPRequestEntityTooLarge("more than a form can hold")
    came_as = request.environ.get("wsgi.input")

    def put_away(request: Request) -> None:
        # a body that is not small is copied into a file, which webob leaves open
        body = request.environ.get("wsgi.input")
        if body is not None and body is not came_as:
            body.close()

    request.add_finished_callback(put_away)


def includeme(config: Configurator) -> None:
    """Look at what comes in."""
    config.add_subscriber(_look_at, NewRequest)
