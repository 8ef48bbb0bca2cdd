"""Every page of the admins and of the operator in the demo, at a desk and on a phone: no violation, not too wide, few bytes, its picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest
from playwright.sync_api import expect

from messa_platform.portal.admin.logs.chart import SMALL
from messa_platform.tenants.api_users.users import LONGEST_NAME
from tests.browser.admin_steps import Desk
from tests.browser.test_pages import look, sign_in
from tests.functional.portal.matrix import VIEWS
from tests.support.browser import Visitors, tab_to, widen
from tests.support.platform import Platform

ADMIN, SUB, HEAD, OPERATOR = (
    "admin@demo.example",
    "sub@demo.example",
    "rektor.bjork@demo.example",
    "operator@messa.example",
)
MASTER, SCHOOLS, OPERATION = "/t/demo", "/t/demo/skolan", "/operator"

GROUP = {
    "overview": "@@overview",
    "settings": "@@settings",
    "domains": "@@domains",
    "sender-name": "@@sender-name",
    "signature": "@@signature",
    "admins": "@@admins",
    "api-webhooks": "@@api",
    "webhook-new": "@@api/new-webhook",
    "webhook": "@@api/webhook/{webhook}",
    "webhook-remove": "@@api/webhook/{webhook}/remove",
    "users": "@@users",
    "users-below": "@@users?below=1",
    "users-nobody": "@@users?q=finns+inte",
    "user": "@@user?id={person}",
    "add-users": "@@add-users",
    "move-users": "@@move-users?who={person}",
    "remove-users": "@@remove-users?who={person}",
    "logs": "@@logs",
    "logs-nothing": "@@logs?status=CANCELLED",
    "log-message": "@@log-message?id={message}",
    "audit": "@@audit",
    "audit-nothing": "@@audit?q=finns+inte",
    "group": "@@group",
    "group-remove": "@@group?do=remove",
    "new-group": "@@new-group",
    "find-group": "@@find-group?q=klass",
    "domain": "@@domain?id={domain}",
    "take-along": "@@take-along?id={domain}",
    "move-domain": "@@move-domain?id={domain}",
    "remove-domain": "@@remove-domain?id={domain}",
    "add-domain": "@@add-domain?domain=vux.demo.example",
    "sign-on": "@@sign-on?domain={domain}",
}
"""The pages of a group, looked at where it has most to show."""
TOP = {
    "overview": "@@overview",
    "logs": "@@logs?sort=status",
    "settings": "@@settings",
    "users-below": "@@users?below=1",
    "admins": "@@admins",
    "audit": "@@audit",
    "group": "@@group",
    "organisation": "@@organisation",
    "api": "@@api",
    "api-user": "@@api/{api_user}",
    "api-key": "@@api/{api_user}/{api_key}",
    "api-session-key": "@@api/{api_user}/new-session-key",
    "api-v2-key": "@@api/{api_user}/new-v2-key",
    "api-remove": "@@api/{api_user}/remove",
    "channels": "@@channels",
    "marketplace": "@@marketplace",
    "channel-new": "@@channels/new/elks",
    "channel": "@@channels/{own_channel}",
    "channel-remove": "@@channels/{own_channel}/remove",
    "routes": "@@routes",
    "route-new": "@@routes/new",
    "route": "@@routes/{own_route}",
}
"""What the topmost group has alone, or looks otherwise there."""
BELOW = {
    "school-settings": "bjorkskolan/@@settings",
    "school-sender-name": "bjorkskolan/@@sender-name",
    "school-group": "bjorkskolan/@@group",
    "school-remove": "bjorkskolan/@@group?do=remove",
    "class-admins": "bjorkskolan/klass-4a/@@admins",
    "class-domains": "bjorkskolan/klass-4a/@@domains",
    "domain-waiting": "ekskolan/@@domain?id={waiting}",
}
"""What looks otherwise further down."""
HEADS = {
    "overview": "@@overview",
    "settings": "@@settings",
    "sender-name": "@@sender-name",
    "signature": "@@signature",
    "group": "@@group",
    "audit": "@@audit",
}
"""What is locked by, or hidden from, who administers the school alone."""
OPERATORS = {
    "tenants": "tenants",
    "tenants-nothing": "tenants?q=finns+inte",
    "new-tenant": "tenants/new",
    "tenant": "tenants/demo",
    "suspend": "tenants/demo/suspend",
    "close": "tenants/demo/close",
    "ranges": "ranges",
    "new-range": "ranges/new",
    "domains": "domains",
    "domain": "domains/{waiting}",
    "channels": "channels",
    "channel-new": "channels/new/elks",
    "channel": "channels/{channel}",
    "channel-remove": "channels/{channel}/remove",
    "prices": "prices",
    "prices-new": "prices/new",
    "routes": "routes",
    "route-new": "routes/new",
    "route": "routes/{route}",
    "audit": "audit",
    "acting": "../t/demo/@@settings",
}
ELSEWHERE = {"task", "logs", "export/{export}", "exports"}
"""Pages that the walks of `test_school` and `test_exports` look at."""
FILES = {"csv", "xlsx"}
"""Views that give a file."""

ROUNDS = {
    "admin": (ADMIN, {MASTER: TOP}),
    "sub": (SUB, {SCHOOLS: GROUP | BELOW}),
    "head": (HEAD, {f"{SCHOOLS}/bjorkskolan": HEADS}),
    "operator": (OPERATOR, {OPERATION: OPERATORS}),
}
"""Who looks at what."""


@pytest.fixture(scope="module")
def known(platform: Platform) -> Mapping[str, str]:
    """The ids that stand in addresses."""
    return {
        "person": str(platform.value("SELECT id FROM account WHERE address = 'vikarie@demo.example'")),
        "domain": str(platform.value("SELECT id FROM domain WHERE name = 'skola.demo.example'")),
        "message": str(platform.value("SELECT id FROM message WHERE status = 'no_sms_left:Group' LIMIT 1")),
        "api_user": str(platform.value("SELECT account_id FROM api_key WHERE name = 'Prova v2'")),
        "api_key": str(platform.value("SELECT id FROM api_key WHERE name = 'Prova v2'")),
        "webhook": str(
            platform.value("SELECT id FROM event_endpoint WHERE description = 'Frånvarosystemet'")
        ),
        "own_channel": str(platform.value("SELECT id FROM channel WHERE name = 'Norrtext AB'")),
        "own_route": str(platform.value("SELECT id FROM route WHERE tenant_id IS NOT NULL")),
        "channel": str(platform.value("SELECT id FROM channel WHERE name = 'simulator'")),
        "route": str(platform.value("SELECT id FROM route LIMIT 1")),
        "waiting": str(platform.value("SELECT id FROM domain WHERE name = 'friskolan.example'")),
    }


@pytest.fixture(params=[("sv", 1280), ("sv", 360), ("en", 360)], ids=lambda p: f"{p[0]}-{p[1]}")
def way(request: pytest.FixtureRequest, platform: Platform) -> tuple[str, int]:
    """The language of whoever comes, and how wide the window is."""
    language: str
    language, width = request.param
    speak(platform, language)
    return language, width


def speak(platform: Platform, language: str) -> None:
    """Have those who come spoken to in this language."""
    speakers = [ADMIN, SUB, HEAD, OPERATOR]
    platform.do(
        "UPDATE account SET language = :language WHERE address = ANY(:who)", language=language, who=speakers
    )


@pytest.mark.parametrize(("language", "widths"), [("sv", (1280, 360)), ("en", (360,))], ids=["sv", "en"])
@pytest.mark.parametrize("who", ROUNDS)
def test_pages(
    visitor: Visitors,
    known: Mapping[str, str],
    platform: Platform,
    language: str,
    widths: tuple[int, ...],
    who: str,
) -> None:
    address, places = ROUNDS[who]
    speak(platform, language)
    page = sign_in(visitor(language, widths[0]), address)
    for base, pages in places.items():
        for name, path in pages.items():
            widen(page, widths[0])
            answer = page.goto(f"{base}/{path.format(**known)}")
            assert answer is not None
            assert answer.status == 200, f"{name}: {answer.status}"
            for width in widths:
                widen(page, width)
                look(page, f"{who}-{name}")


def _looked_at() -> Iterator[str]:
    for _, places in ROUNDS.values():
        for base, pages in places.items():
            for path in pages.values():
                view = path.partition("?")[0]
                yield re.sub(r"^.*(?=@@)", "{group}/", view) if base != OPERATION else f"{OPERATION}/{view}"


def test_every_page_is_looked_at() -> None:
    looked = set(_looked_at()) | {f"{{group}}/@@{name}" for name in ELSEWHERE}
    shown = {
        view.address.partition("?")[0].replace("/kommun", "/demo")
        for view in VIEWS
        if view.address.startswith(("{group}/", "/operator/"))
        and not view.name.endswith(("-live", "-choices"))
        and view.name not in FILES
        and (view.get == 200 or view.name == "add-domain")
    }
    assert shown <= looked, shown - looked


def test_two_admins_at_the_same_setting(visitor: Visitors, way: tuple[str, int]) -> None:
    language, width = way
    first, second = (Desk(sign_in(visitor(language, width), who), language, "both") for who in (ADMIN, SUB))
    name = f"Ek {language} {width}"
    for desk in (first, second):
        desk.page.goto(f"{SCHOOLS}/ekskolan/@@sender-name")
    first.write("sender_name", name)
    first.tick("sender_name-inherit", on=False)
    first.save("@@sender-name")
    first.said("settings-saved")
    visitor.expect("409")
    second.write("sender_name", "Eken")
    second.tick("sender_name-inherit", on=False)
    second.save("@@sender-name")
    expect(second.main).to_contain_text(name)
    expect(second.page.locator("#sender_name")).to_have_value("Eken")
    second.look("conflict")


def test_the_picture_of_a_group_and_the_same_as_a_table(visitor: Visitors, way: tuple[str, int]) -> None:
    page = sign_in(visitor(*way), ADMIN)
    page.goto(f"{MASTER}/@@overview")
    drawing = page.locator("figure.chart > svg[role=img][aria-label]")
    expect(drawing).to_be_visible()
    outer = drawing.bounding_box()
    assert outer is not None and outer["height"] == SMALL + 36 and outer["width"] > 200
    bars = drawing.locator("svg path").all()
    assert len(bars) >= 3
    for bar in bars:
        box = bar.bounding_box()
        assert box is not None and box["height"] > 0
        assert outer["x"] <= box["x"] and box["x"] + box["width"] <= outer["x"] + outer["width"] + 1
        assert outer["y"] <= box["y"] and box["y"] + box["height"] <= outer["y"] + outer["height"]
    tab_to(page, page.locator(".chart summary"))
    page.keyboard.press("Enter")
    expect(page.locator(".chart tbody tr")).to_have_count(31)
    expect(page.locator(".chart table")).to_be_visible()
    look(page, "picture-table")


def test_a_key_is_made_shown_once_and_copied(
    visitor: Visitors, way: tuple[str, int], platform: Platform
) -> None:
    language, width = way
    desk = Desk(sign_in(visitor(language, width), SUB), language, "keys")
    desk.page.goto(f"{SCHOOLS}/@@api")
    desk.write("name", f"Journalen {language}-{width}".ljust(LONGEST_NAME, "n"))
    desk.save("@@api")
    desk.said("api-user-added")
    desk.look("none")
    desk.press("a[href$='new-v2-key']")
    visitor.expect("422")
    desk.save("new-v2-key")
    expect(desk.page.locator("#scope-messages-send")).to_have_attribute("aria-invalid", "true")
    desk.look("refused")
    for box in ("scope-messages-send", "scope-messages-read"):
        desk.tick(box, on=True)
    desk.write("name", "Servern".ljust(LONGEST_NAME, "n"))
    desk.save("new-v2-key")
    key = desk.page.locator("#key").inner_text()
    assert key.startswith("msk_live_")
    expect(desk.page.locator("#example")).to_contain_text(key)
    expect(desk.page.locator("[data-copy=key]")).to_be_visible()
    desk.look("made")
    desk.press("a.button.start")
    expect(desk.main).to_contain_text(f"…{key[-4:]}")
    expect(desk.main).not_to_contain_text(key)
    desk.look("user")
    rotate_key(desk, key)
    desk.tab("api")
    desk.look("list")
    platform.do("DELETE FROM api_key WHERE name LIKE 'Servern%'")
    platform.do("DELETE FROM account WHERE kind = 'api' AND display_name LIKE 'Journalen %'")


def rotate_key(desk: Desk, key: str) -> None:
    """Have the user's only key made anew, from the user's page."""
    desk.press("tbody td:first-child a")
    desk.choose("overlap", "168")
    desk.save(desk.page.url.rpartition("/")[2])
    assert desk.page.locator("#key").inner_text() != key
    desk.press("a.button.start")
    desk.look("rotated")
    desk.press("tbody tr:first-child td:first-child a")
    desk.look("key")


def test_fewer_days_for_texts_are_asked_about(
    visitor: Visitors, way: tuple[str, int], platform: Platform
) -> None:
    desk = Desk(sign_in(visitor(*way), ADMIN), way[0], "days")
    desk.page.goto(f"{MASTER}/@@organisation")
    desk.write("keep_text_days", "3650")
    visitor.expect("422")
    desk.save("@@organisation")
    desk.reads(desk.main, "Texts from before")
    expect(desk.page.locator("#confirm_days")).not_to_be_checked()
    desk.look("asked")
    desk.tick("confirm_days", on=True)
    desk.save("@@organisation")
    desk.said("organisation-saved")
    expect(desk.page.locator("#keep_text_days")).to_have_value("3650")
    platform.do("UPDATE tenant SET keep_text_days = NULL WHERE slug = 'demo'")


HIDDEN = """() => {
    const focused = document.activeElement, bar = document.querySelector(".bar");
    if (focused === document.body || bar.contains(focused)) return null;
    const [a, b] = [focused.getBoundingClientRect(), bar.getBoundingClientRect()];
    const is_hidden = a.bottom > b.top && a.top < b.bottom && a.right > b.left && a.left < b.right;
    return is_hidden ? focused.outerHTML : null;
}"""
"""What has the focus, if the bar with the button lies over a part of it."""


@pytest.mark.parametrize("size", [(360, 740), (640, 450), (1280, 900)], ids=["phone", "zoomed", "desk"])
def test_saving_stays_in_reach_and_never_lies_over_what_has_the_focus(
    visitor: Visitors, size: tuple[int, int]
) -> None:
    page = sign_in(visitor("sv", size[0]), SUB)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{SCHOOLS}/@@settings")
    save = page.locator(".bar button")
    page.locator("#country_code").scroll_into_view_if_needed()
    expect(save).to_be_in_viewport(ratio=1)
    for key in ("Tab", "Shift+Tab"):
        for _ in range(60):
            page.keyboard.press(key)
            assert page.evaluate(HIDDEN) is None
            if page.locator(".bar button:focus").count():
                break
    for part in page.locator("nav .facts a").all():
        part.click()
        place = page.locator(str(part.get_attribute("href")))
        expect(place).to_be_in_viewport()
        expect(save).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": size[0], "height": 300})
    page.evaluate("window.scrollTo(0, 0)")
    expect(save).not_to_be_in_viewport()


def test_without_javascript_the_bar_saves_and_what_was_saved_is_said(
    visitor: Visitors, way: tuple[str, int]
) -> None:
    page = sign_in(visitor(*way, javascript=False), SUB)
    page.goto(f"{SCHOOLS}/ekskolan/@@settings")
    chosen = page.locator("input[name='too_long']:checked").get_attribute("value")
    page.locator("label[for='too_long-inherit']").click()
    other = page.locator(f"input[name='too_long'][value='{'refuse' if chosen == 'cut' else 'cut'}']")
    page.locator(f"label[for='{other.get_attribute('id')}']").click()
    page.locator(".bar button").click()
    told = {"sv": "Sparat: För långa texter.", "en": "Saved: Texts that are too long."}
    expect(page.locator(".flashes .notice")).to_have_text(told[way[0]])


def test_a_field_of_ten_rows_is_ten_rows_high(visitor: Visitors) -> None:
    page = sign_in(visitor(), SUB)
    heights = []
    for path in ("@@admins", "@@add-users"):
        page.goto(f"{SCHOOLS}/{path}")
        heights.append(
            page.locator("textarea").evaluate(
                "e => e.clientHeight / parseFloat(getComputedStyle(e).lineHeight)"
            )
        )
    assert [int(rows) for rows in heights] == [4, 10]
