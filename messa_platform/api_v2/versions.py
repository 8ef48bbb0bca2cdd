"""Versions of what can be changed by many: `ETag` tells one, `If-Match` names it again (RFC 9110, 8.8.3 and 13.1.1)."""

from __future__ import annotations

import re

from pyramid.request import Request

from messa_platform.api_v2.problems import Problem, Wrong

_MATCH = re.compile(r'\s*"([0-9]{1,9})"\s*')


def asked_version(request: Request) -> int | None:
    """The version that `If-Match` names; None without. Raises `Wrong`: what names none of ours is none that holds."""
    written: str | None = request.headers.get("If-Match")
    if written is None or written.strip() == "*":
        return None
    found = _MATCH.fullmatch(written)
    if found is None:
        raise Wrong(Problem.PRECONDITION)
    return int(found[1])


def etag(version: int) -> dict[str, str]:
    """The header that tells a version."""
    return {"ETag": f'"{version}"'}
