"""What every page has: the template environment, addresses, and what was just done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import quote, urlencode

from markupsafe import Markup
from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.events import BeforeRender
from pyramid.request import Request

from messa_platform.core import i18n
from messa_platform.core.site import SiteSettings
from messa_platform.portal.prefix import URL_SESSION

STATIC = "messa_platform:static"
TEMPLATES = "messa_platform.portal:templates"

_SAYINGS = "messa.sayings"


def address(*segments: object, **query: object) -> str:
    """The path of a page, outside of any URL session; empty query values are left out."""
    path = "/" + "/".join(quote(str(segment), safe="@+") for segment in segments)
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def own_path(path: str, otherwise: str) -> str:
    """A path to go on to, if it surely leads to a page of ours and is safe to open; else `otherwise`."""
    ours = path.startswith("/") and not path.startswith(("//", "/~")) and "\\" not in path
    return path if ours and path.isascii() and path.isprintable() else otherwise


def url(request: Request, *segments: object, **query: object) -> str:
    """The path of a page for this browser, with the prefix of its URL session if it has one."""
    return f"{request.script_name}{address(*segments, **query)}"


def public_url(request: Request, *segments: object, **query: object) -> str:
    """A page's whole address for mails, paper and *copy link*: it holds no session."""
    base: str = request.registry["messa.runtime"].settings[SiteSettings].public_url
    return base.rstrip("/") + address(*segments, **query)


@cache
def _version(name: str) -> str | None:
    """A mark that changes with the file, so that browsers may keep it for good; None if there is no such file."""
    asset = files("messa_platform").joinpath("static", *name.split("/"))
    if not asset.is_file():
        return None
    return hashlib.sha256(asset.read_bytes()).hexdigest()[:12]


def static(name: str) -> str:
    """The path of a static file; it is outside of every URL session."""
    return f"/static/{name}?{_version(name) or 0}"


def has_static(name: str) -> bool:
    """Whether there is such a static file."""
    return _version(name) is not None


Sentence = str | Callable[[Request], str]
"""A text of the catalogue; or what makes the words, where they depend on the rest of the address. That may have been written by anybody."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence that tells what was just done; `tone` is that of its notice: success, info or warning."""

    sentence: str
    tone: str


def add_saying(config: Configurator, code: str, sentence: Sentence, tone: str = "success") -> None:
    """What a page says when it is reached with `?said=<code>`: pages tell each other what was just done in the address, with no state."""
    config.registry.setdefault(_SAYINGS, {})[code] = (sentence, tone)


def said(request: Request) -> Said | None:
    """What was just done, if a page tells so."""
    try:
        sentence, tone = request.registry.get(_SAYINGS, {}).get(request.GET.get("said", ""), ("", ""))
    except UnicodeDecodeError:  # a query that is no UTF-8 says nothing
        return None
    if not sentence:
        return None
    return Said(sentence(request) if callable(sentence) else request.speech.gettext(sentence), tone)


def _csrf(request: Request) -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(get_csrf_token(request))


def _add_globals(event: BeforeRender) -> None:
    request = event.get("request")
    # JSON is rendered, too, and must not ask who reads it: /readyz answers while the database is away
    if request is None or not str(event.get("renderer_name")).endswith(".jinja2"):
        return
    event.update(
        url=lambda *segments, **query: url(request, *segments, **query),
        public_url=lambda *segments, **query: public_url(request, *segments, **query),
        static=static,
        has_static=has_static,
        csrf=lambda: _csrf(request),
        csrf_token=lambda: get_csrf_token(request),
        identity=request.identity,
        speech=request.speech,
        said=said(request),
        in_url_session=URL_SESSION in request.environ,
        demo=request.registry["messa.runtime"].settings[SiteSettings].demo,
        mail_domain=request.registry["messa.runtime"].settings[SiteSettings].mail_domain,
    )


def includeme(config: Configurator) -> None:
    """Templates, static files, and what pages say."""
    config.add_settings({"jinja2.trim_blocks": True, "jinja2.lstrip_blocks": True})
    config.include("pyramid_jinja2")
    config.add_jinja2_search_path(TEMPLATES, name=".jinja2")
    config.action(None, lambda: i18n.install(config.get_jinja2_environment()), order=9999)
    config.add_static_view("static", STATIC, cache_max_age=31_536_000)
    config.add_directive("add_saying", add_saying)
    config.add_subscriber(_add_globals, BeforeRender)
