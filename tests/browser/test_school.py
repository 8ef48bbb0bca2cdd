"""A school is built in a real browser: its tree, its domain and people, its limits, its signature, and who looks after a part of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.admin_steps import Desk, choose_password, link_in_mail
from tests.browser.test_pages import sign_in
from tests.support.browser import Visitors
from tests.support.platform import Platform, mail

OPERATOR = "operator@messa.example"
PASSWORD = "fyra gröna grisar"
PATIENCE = 20_000
"""Milliseconds to wait for what a page shows by itself."""


@dataclass(frozen=True)
class Plan:
    """What is built: schools below one group, classes below them; `phone` is that of somebody they write to."""

    language: str
    width: int
    organisation: str
    slug: str
    domain: str
    schools: str
    birch: str
    oak: str
    misspelt: str
    classes: tuple[str, str, str]
    signature: str
    phone: str

    @property
    def chief(self) -> str:
        """The first admin."""
        return f"chef@{self.domain}"

    @property
    def newcomers(self) -> tuple[str, str, str]:
        """Who writes before the organisation is there: a head, an office and a teacher."""
        return f"rektor@{self.domain}", f"kansli@{self.domain}", f"larare@{self.domain}"


PLANS = (
    Plan(
        "sv", 1280, "Rosenlunds kommun", "rosenlunds-kommun", "rosenlund.example", "Skolor", "Björkskolan", "Ekskolan", "Klas 4B",
        ("Klass 4A", "Klass 4B", "Klass 1"), "/Rosenlunds skolor", "+46701740861",
    ),
    Plan(
        "en", 360, "Maplewood Council", "maplewood", "maplewood.example", "Schools", "Birch School", "Oak School", "Clas 4B",
        ("Class 4A", "Class 4B", "Class 1"), "/Maplewood schools", "+46701740862",
    ),
)  # fmt: skip


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.language}-{plan.width}")
def test_a_school_is_built(platform: Platform, visitor: Visitors, plan: Plan) -> None:
    for address in plan.newcomers:
        _write(platform, plan, address, f"Hej från {address}")
    _new_organisation(visitor(plan.language, plan.width), plan)
    chief = _first_admin(platform, visitor(plan.language, plan.width), plan)
    _tree(chief, plan)
    _rename_and_move(chief, plan)
    _remove(chief, plan)
    _prove_the_domain(platform, chief, plan)
    _limits(platform, chief, plan)
    _sender_name_and_signature(platform, chief, plan)
    _subadmin(visitor, chief, plan)
    head = _head(platform, visitor, plan)
    _sees_the_own_part_alone(visitor, head, plan)
    _cannot_unlock(platform, head, plan)
    _class_of_the_heads_own(head, plan)
    _log(chief, plan)


def _write(platform: Platform, plan: Plan, address: str, text: str) -> dict[str, str]:
    """Somebody sends a text by mail."""
    message = mail(text, "", sender=address, Accept_Language=plan.language)
    platform.send(message, f"{plan.phone.removeprefix('+')}@messa.example", sender=address)
    return platform.until(
        lambda: next((t for t in platform.phone(plan.phone) if t["text"].startswith(text)), None), says=text
    )


def _new_organisation(page: Page, plan: Plan) -> None:
    """The operator makes it, with its first admin."""
    sign_in(page, OPERATOR)
    desk = Desk(page, "sv", "school")
    desk.press("nav.nav a[href$='/operator']")
    desk.look("operator")
    desk.press("#main a[href$='@@new']")
    for field, words in (
        ("name", plan.organisation),
        ("slug", plan.slug),
        ("admin_address", plan.chief),
        ("admin_name", "Kim Ek"),
    ):
        desk.write(field, words)
    page.locator("#language").select_option(plan.language)
    desk.look("operator-new")
    desk.press("#main form[method=post] button")
    expect(page).to_have_url(re.compile(f"/operator/tenants/{plan.slug}.*said=tenant-created"))
    desk.look("operator-made")


def _first_admin(platform: Platform, page: Page, plan: Plan) -> Desk:
    """Chooses a password by the mail's link, and finds the way to the admin pages."""
    page.goto(link_in_mail(platform, plan.chief, "welcome"))
    choose_password(page, PASSWORD)
    desk = Desk(page, plan.language, "school")
    desk.press("nav.nav a[href$='/t']")
    expect(page.locator(".group-name")).to_have_text("Master")
    desk.look("master")
    return desk


def _tree(desk: Desk, plan: Plan) -> None:
    """Groups are added, one after the other and several at once."""
    desk.add_group(plan.schools)
    desk.look("first-group")
    desk.add_group(plan.birch, more=True)
    desk.look("one-more")
    desk.add_group(plan.oak, more=True)
    desk.go(plan.birch)
    first, _, strayed = plan.classes
    for name in (first, plan.misspelt, strayed):
        desk.add_group(name, more=True)
    desk.go(plan.birch)
    assert desk.groups() == [
        "Master",
        plan.schools,
        plan.birch,
        *sorted((first, plan.misspelt, strayed)),
        plan.oak,
    ]
    desk.look("tree")


def _rename_and_move(desk: Desk, plan: Plan) -> None:
    """One was misspelt, and one stands below the wrong school."""
    _, right, strayed = plan.classes
    desk.go(plan.misspelt)
    desk.press("a[href$='@@group']")
    desk.look("change-group")
    desk.write("name", right)
    desk.enter()
    expect(desk.page.locator(".group-name")).to_have_text(right)
    desk.go(strayed)
    desk.press("a[href$='@@group']")
    desk.select("parent", plan.oak)
    desk.press("input[name=do][value=move] ~ div button")
    desk.said("group-moved")
    assert desk.crumbs() == ["Master", plan.schools, plan.oak, strayed]
    desk.look("moved")


def _remove(desk: Desk, plan: Plan) -> None:
    """A group that is not needed goes, and whoever is in it goes elsewhere."""
    first = plan.classes[0]
    desk.go(plan.birch)
    desk.add_group("Prov")
    desk.add_users(f"vikarie@{plan.domain}")
    desk.press("a[href$='@@group']")
    desk.press("#main a[href*='do=remove']")
    desk.select("people", first)
    desk.look("remove-group")
    desk.press("button.danger")
    desk.said("group-removed")
    assert "Prov" not in desk.groups()
    desk.go(first)
    desk.tab("users")
    expect(desk.main).to_contain_text(f"vikarie@{plan.domain}")


def _prove_the_domain(platform: Platform, desk: Desk, plan: Plan) -> None:
    """Whoever has an address there comes along once the proof is found."""
    platform.dns.put(f"_messa.{plan.domain}", "messa-verification=fel")
    desk.go("Master", plan.schools)
    desk.tab("domains")
    desk.look("domains-none")
    desk.write("domain", plan.domain.upper())
    desk.enter()
    desk.said("domain-added")
    _sees_what_to_put_into_the_dns(desk, plan)
    name, value = (desk.page.locator(f"#record-{part}").inner_text() for part in ("name", "value"))
    expect(desk.page.locator("#standing")).to_contain_text("messa-verification=fel", timeout=PATIENCE)
    desk.look("domain-wrong")
    platform.dns.put(name, value)
    # one that was looked at a moment ago is not looked at again
    platform.do(
        "UPDATE domain SET checked_at = checked_at - interval '1 minute' WHERE name = :name", name=plan.domain
    )
    desk.press("form[action*='@@check-domain'] button")
    expect(desk.page.locator("[id^=undo-]")).to_be_visible(timeout=PATIENCE)
    desk.reads(desk.page.locator("#state-verified"), "Verified")
    desk.reads(desk.page.locator("[id^=moved-]"), "3 accounts were moved here", "3")
    desk.page.reload()
    desk.look("domain-verified")
    later = f"ny@{plan.domain}"
    _write(platform, plan, later, "Ny hos oss")
    desk.tab("users")
    for address in (*plan.newcomers, later):
        expect(desk.main).to_contain_text(address)
    desk.look("pulled-in")


def _sees_what_to_put_into_the_dns(desk: Desk, plan: Plan) -> None:
    expect(desk.page.locator("#record-name")).to_have_text(f"_messa.{plan.domain}")
    expect(desk.page.locator("#record-value")).to_contain_text("messa-verification=")
    # those who come are strangers so far: how many they are is nobody's to know without the proof
    desk.reads(desk.page.locator("#coming"), "No account in your groups needs to be moved.")
    desk.reads(desk.page.locator("#coming-too"), "How many they are is told once the proof is there.")
    desk.reads(desk.page.locator("#by-hand"), "2 accounts that admins have placed", "2")


def _limits(platform: Platform, desk: Desk, plan: Plan) -> None:
    """One school may send so much a week, and gets answers."""
    head = plan.newcomers[0]
    desk.go(plan.birch)
    desk.add_users(head)
    desk.tab("settings")
    desk.choose("may_receive", "yes")
    desk.tick("may_receive-inherit", on=False)
    desk.choose("group_quota", "number")
    desk.write("group_quota-sms", "500")
    desk.write("group_quota-window", "7")
    desk.tick("group_quota-inherit", on=False)
    desk.save("@@settings")
    desk.said("settings-saved")
    _write(platform, plan, head, "Friluftsdag i morgon")
    desk.page.reload()
    desk.reads(desk.page.locator("[id^=used-]"), "1 of 500 SMS used, 499 left", "1", "500", "499")
    assert desk.page.locator("progress").first.evaluate("bar => [bar.value, bar.max]") == [1, 500]
    desk.look("quota")


def _sender_name_and_signature(platform: Platform, desk: Desk, plan: Plan) -> None:
    """The other school gets no answers; all schools sign alike, and nobody below may change that."""
    desk.go(plan.oak)
    desk.tab("sender-name")
    desk.write("sender_name", plan.oak)
    desk.tick("sender_name-inherit", on=False)
    desk.save("@@sender-name")
    desk.said("settings-saved")
    desk.look("sender-name")
    desk.go(plan.schools)
    desk.tab("signature")
    desk.write("signature", plan.signature)
    desk.tick("signature-inherit", on=False)
    desk.unfold(desk.page.locator("input[name='signature-lock']").first)
    desk.choose("signature-lock", "locked")
    desk.look("signature")
    desk.save("@@signature")
    desk.said("settings-saved")
    desk.look("signature-locked")
    desk.go(plan.oak)
    office = plan.newcomers[1]
    desk.add_users(office)
    sent = _write(platform, plan, office, "Skolan är stängd i dag")
    assert (sent["from"], sent["text"].splitlines()[-1]) == (plan.oak, plan.signature)


def _subadmin(visitor: Visitors, desk: Desk, plan: Plan) -> None:
    """The head of one school, a user there, becomes its admin; whoever is a user elsewhere cannot."""
    head, office, _ = plan.newcomers
    desk.go(plan.birch)
    desk.tab("admins")
    visitor.expect("422")
    desk.write("addresses", f"{head}\n{office}")
    desk.save("@@admins")
    expect(desk.page.locator("#refused dt")).to_have_text(office)
    expect(desk.page.locator("#main table th[scope=row]")).to_have_text([head])
    desk.look("subadmin")


def _head(platform: Platform, visitor: Visitors, plan: Plan) -> Desk:
    """Signs in, and sees the own school and what is below it."""
    page = visitor(plan.language, plan.width)
    page.goto(link_in_mail(platform, plan.newcomers[0], "welcome"))
    choose_password(page, PASSWORD)
    desk = Desk(page, plan.language, "school-head")
    desk.press("nav.nav a[href$='/t']")
    expect(page.locator(".group-name")).to_have_text(plan.birch)
    assert desk.groups() == [plan.birch, *sorted(plan.classes[:2])]
    assert desk.crumbs() == [plan.birch]
    desk.look("settings")
    return desk


_SIGNATURES = (
    'SELECT g.name, s.value, s.lock, s.version FROM group_setting s JOIN "group" g ON g.id = s.group_id'
    " JOIN tenant t ON t.id = s.tenant_id WHERE s.key = 'signature' AND t.slug = :slug"
)


def _sees_the_own_part_alone(visitor: Visitors, head: Desk, plan: Plan) -> None:
    """No page names what is above or beside it, and what is asked for there is not there."""
    for view in ("settings", "domains", "sender-name", "admins", "users", "audit"):
        head.tab(view)
        words = head.page.locator("body").inner_text()
        assert plan.birch in words
        for name in ("Master", plan.schools, plan.oak, plan.chief):
            assert name not in words, f"{name} on {view}"
        head.look(view)
    visitor.expect("404")
    for path in (
        f"/t/{plan.slug}/@@settings",
        head.page.url.replace("/birch-school", "").replace("/bjorkskolan", ""),
    ):
        answer = head.page.goto(path)
        assert answer is not None
        assert answer.status == 404
    head.page.goto("/t")


def _cannot_unlock(platform: Platform, head: Desk, plan: Plan) -> None:
    """What is locked above has no fields; who makes them up is refused, here and further down."""
    head.tab("signature")
    expect(head.main).to_contain_text(plan.signature)
    head.reads(head.main, "Locked by an overlying group")
    expect(head.page.locator("#main form :is(input:not([type=hidden]), textarea, button)")).to_have_count(0)
    head.look("signature")
    before = platform.rows(_SIGNATURES, slug=plan.slug)
    ((_, _, _, version),) = before
    for place in (head.page.url, head.tree.locator("li > a").last.get_attribute("href")):
        forged: dict[str, str | float | bool] = {
            "signature": "/Min egen",
            "signature-lock": "subadmin",
            "signature-seen": f"{version} x y",
            "csrf_token": head.token(),
        }
        answer = head.page.request.post(str(place), form=forged, max_redirects=0)
        assert answer.status == 409
    assert platform.rows(_SIGNATURES, slug=plan.slug) == before


def _class_of_the_heads_own(head: Desk, plan: Plan) -> None:
    """Below the own group everything is the head's to do: a class, and its people, pasted as they stand in a list."""
    third = f"{plan.classes[0][:-2]}5C"
    head.add_group(third)
    head.tab("users")
    head.press(".group-head a[href$='@@add-users']")
    lines = (
        f"Maja Berg <maja@{plan.domain}>",
        f"omar@{plan.domain}",
        plan.newcomers[2],
        "utan adress",
        f"omar@{plan.domain}",
    )
    head.write("addresses", "\n".join(lines))
    head.look("paste")
    head.save("@@add-users")
    head.reads(head.main, "Nothing has been done yet", "5")
    expect(head.page.locator("#lines tbody tr")).to_have_count(5)
    expect(head.page.locator("#lines .ok")).to_have_count(3)
    assert plan.schools not in head.main.inner_text()
    head.look("preview")
    head.save("@@add-users")
    head.reads(head.page.locator("#finished"), "Everything is done.")
    expect(head.page.locator("#lines .ok")).to_have_count(3)
    head.look("result")
    head.tab("users")
    expect(head.page.locator("#main table th[scope=row]")).to_have_count(3)


def _log(chief: Desk, plan: Plan) -> None:
    """All of it stands in the log, in words."""
    _, right, strayed = plan.classes
    chief.go("Master")
    chief.tab("audit")
    rows = chief.page.locator("#main tbody tr")
    for english, subject in (
        ("Added the group", plan.schools),
        ("Gave the group the name", right),
        ("Moved the group", strayed),
        ("Removed the group", "Prov"),
        ("Added the domain", plan.domain),
        ("Verified the domain", plan.domain),
        ("Moved the users of the domain", plan.domain),
        ("Changed the setting Signature", plan.signature),
        ("Changed the setting Sender name", plan.oak),
        ("Changed the setting Number of SMS for the group with its subgroups", "500"),
        ("Made", plan.newcomers[0]),
    ):
        row = rows.filter(has_text=subject)
        row = row.filter(has_text=english) if plan.language == "en" else row
        assert row.count(), f"{english} {subject} is not in the log"
    chief.look("log")
