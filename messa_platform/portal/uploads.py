"""What is sent to us with a form: no more than its page asks for, looked at before anything takes it apart, and put away with its request.

A form's fields are taken apart as soon as its token is checked, which is before anybody is known to be somebody; and that takes its time:
6 s for 3 MB of `a=&`, measured.
"""

from __future__ import annotations

import re

from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.httpexceptions import HTTPRequestEntityTooLarge
from pyramid.request import Request

from messa_platform.core.resources import reads_bodies

MOST_BYTES = 128 * 2**10
"""Of a form."""
MOST_BYTES_OF_FILES = 16 * 2**20
"""Of a form that takes files or long lists, from somebody signed in. What is larger than a file may be, but no larger than this, is told
beside its field."""
MOST_FIELDS = 500

_TAKES_FILES = re.compile(r"/messages/(many|lists)\b|/t/.+/(@@)?add-users$|/operator/prices/(@@)?new$")


def _look_at(event: NewRequest) -> None:
    request = event.request
    came_as = request.environ.get("wsgi.input")

    def put_away(request: Request) -> None:
        # a body that is not small is copied into a file, which webob leaves open
        body = request.environ.get("wsgi.input")
        if body is not None and body is not came_as:
            body.close()

    request.add_finished_callback(put_away)
    # webob takes what has no type at all for a form
    is_form = request.content_type in ("", "application/x-www-form-urlencoded", "multipart/form-data")
    if is_form and not reads_bodies(request):
        _check_size(request)


def _check_size(request: Request) -> None:
    takes_files = _TAKES_FILES.match(request.environ.get("PATH_INFO", "")) and request.identity is not None
    if (request.content_length or 0) > (MOST_BYTES_OF_FILES if takes_files else MOST_BYTES):
        raise HTTPRequestEntityTooLarge("more than a form can hold")
    boundary = re.search(r'boundary="?([^";]+)', request.headers.get("Content-Type", ""), re.IGNORECASE)
    if request.content_type == "multipart/form-data" and boundary is None:
        raise HTTPRequestEntityTooLarge("a form without end")
    mark = b"--" + boundary[1].encode("utf-8", "surrogateescape") if boundary else b"&"
    if request.body.count(mark) > MOST_FIELDS:
        raise HTTPRequestEntityTooLarge("more fields than any form has")


def includeme(config: Configurator) -> None:
    """Look at what comes in."""
    config.add_subscriber(_look_at, NewRequest)
