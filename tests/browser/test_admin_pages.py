"""Every page of the admins and of the operator in the demo, at a desk and on a phone: no violation, no sideways scrolling, few bytes, its picture."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from playwright.sync_api import Page

from tests.browser.test_pages import look, sign_in
from tests.functional.portal.matrix import VIEWS
from tests.support.browser import Visitors
from tests.support.platform import Platform

ADMIN, SUB, OPERATOR = "admin@demo.example", "sub@demo.example", "operator@messa.example"
SPEAKERS = (ADMIN, SUB, OPERATOR)
LANGUAGES = ("sv", "en")
WIDTHS = (1280, 360)

GROUP = {
    "settings": "@@settings",
    "domains": "@@domains",
    "sender-name": "@@sender-name",
    "signature": "@@signature",
    "admins": "@@admins",
    "users": "@@users",
    "users-below": "@@users?below=1",
    "users-nobody": "@@users?q=finns+inte",
    "user": "@@user?id={person}",
    "add-users": "@@add-users",
    "move-users": "@@move-users?who={person}",
    "remove-users": "@@remove-users?who={person}",
    "audit": "@@audit",
    "audit-nothing": "@@audit?q=finns+inte",
    "group": "@@group",
    "new-group": "@@new-group",
    "find-group": "@@find-group?q=klass",
}
"""What every group has."""
DOMAIN = {
    "domain": "@@domain?id={domain}",
    "move-domain": "@@move-domain?id={domain}",
    "remove-domain": "@@remove-domain?id={domain}",
    "take-along": "@@take-along?id={domain}",
}
"""What a group with a domain has."""
TOP = {
    "organisation": "@@organisation",
    "add-domain": "@@add-domain?domain=vard.demo.example",
    "sign-on": "@@sign-on?domain={domain}",
}
"""What is looked at in the topmost group alone."""
BELOW = {
    "school-settings": "bjorkskolan/@@settings",
    "school-sender-name": "bjorkskolan/@@sender-name",
    "school-users": "bjorkskolan/@@users?below=1",
    "class-signature": "bjorkskolan/klass-4a/@@signature",
    "class-admins": "bjorkskolan/klass-4a/@@admins",
    "domain-waiting": "ekskolan/@@domain?id={waiting}",
}
"""What looks otherwise further down, from the school on."""
OPERATORS = {
    "operator-tenants": "tenants",
    "operator-tenants-nothing": "tenants?q=finns+inte",
    "operator-new-tenant": "tenants/@@new",
    "operator-tenant": "tenants/demo",
    "operator-suspend": "tenants/demo/@@suspend",
    "operator-close": "tenants/demo/@@close",
    "operator-ranges": "ranges",
    "operator-new-range": "ranges/@@new",
    "operator-domains": "domains",
    "operator-domain": "domains/{waiting}",
    "operator-audit": "audit",
}


@pytest.fixture(scope="module")
def known(platform: Platform) -> Mapping[str, str]:
    """The ids that stand in addresses."""
    return {
        "person": str(platform.value("SELECT id FROM account WHERE address = 'vikarie@demo.example'")),
        "domain": str(platform.value("SELECT id FROM domain WHERE name = 'skola.demo.example'")),
        "top_domain": str(platform.value("SELECT id FROM domain WHERE name = 'demo.example'")),
        "waiting": str(platform.value("SELECT id FROM domain WHERE name = 'friskolan.example'")),
    }


@pytest.fixture(params=[(lang, width) for lang in LANGUAGES for width in WIDTHS], ids=lambda p: f"{p[0]}-{p[1]}")
def guest(request: pytest.FixtureRequest, platform: Platform, visitor: Visitors) -> Page:
    """Somebody signed out, whose account has the language."""
    language, width = request.param
    platform.do("UPDATE account SET language = :language WHERE address = ANY(:who)", language=language, who=list(SPEAKERS))
    return visitor(language, width)


def visit(page: Page, base: str, pages: Mapping[str, str], known: Mapping[str, str], prefix: str = "") -> None:
    """Look at each of these pages."""
    for name, path in pages.items():
        answer = page.goto(f"{base}/{path.format(**known)}")
        assert answer is not None and answer.ok, f"{name}: {answer and answer.status}"
        look(page, f"{prefix}{name}")


def test_pages(guest: Page, known: Mapping[str, str]) -> None:
    import time
    t=time.time()
    sign_in(guest, ADMIN)
    bad = []
    for prefix, base, pages in (("admin-", "/t/demo", TOP | {k: v.replace("{domain}", "{top_domain}") for k, v in GROUP.items()}), ("sub-", "/t/demo/skolan", GROUP | BELOW | DOMAIN)):
        for name, path in pages.items():
            t0=time.time()
            answer = guest.goto(f"{base}/{path.format(**known)}")
            if not answer.ok:
                print("STATUS", name, answer.status); continue
            try:
                look(guest, prefix + name)
            except AssertionError as e:
                bad.append(f"{name}: {e}")
                from tests.support.browser import shot
                shot(guest, prefix+name)
            print(name, round(time.time()-t0,1))
    print(time.time()-t)
    assert not bad, "\n".join(bad)
