"""The parts of the pages that come anew by themselves, and what the pages cost."""

from __future__ import annotations

import re

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.models import Group
from tests.support.history import give_history
from tests.support.observe import statements
from tests.support.portal import ASA, KARIN, School


def test_the_live_parts_are_fragments_and_name_when_they_were_made(school: School) -> None:
    school.text(KARIN, "Hej")
    page = school.get(school.thread(KARIN))
    leads = re.findall(r'data-live="([^"]+)" data-etag="([^"]+)"', page.text)
    assert len(leads) == 2
    for path, _ in leads:
        part = school.get(path.replace("&amp;", "&"))
        assert part.headers["ETag"]
        assert "<html" not in part.text and "Hej" in part.text
    listed = school.get(leads[0][0].replace("&amp;", "&"))
    assert 'aria-current="page"' in listed.text


def test_what_comes_in_while_the_conversation_is_open_is_read(school: School) -> None:
    school.text(KARIN, "Kommer du?")
    school.get(school.thread(KARIN))
    school.answer(KARIN, "Ja")
    assert "Ja" in school.get(f"{school.thread(KARIN)}/live").text
    assert not school.get("/messages/live").html.select(".unread")


# What it costs


def counted(school: School, path: str) -> int:
    with statements(school.runtime.database.engine) as seen_statements:
        school.get(path)
    return len(seen_statements)


def test_the_pages_ask_as_few_questions_of_many_threads_as_of_one(
    school: School, group: Group, clock: FixedClock
) -> None:
    school.text(KARIN, "Hej")
    paths = [
        "/messages",
        "/messages?q=hej",
        "/messages/live",
        school.thread(KARIN),
        f"{school.thread(KARIN)}/live",
    ]
    few = [counted(school, path) for path in paths]
    give_history(school.world.database, clock.now(), group, school.account_id, threads=80, messages=400)
    for n in range(5):
        school.text(ASA, f"Nummer {n}")
    assert [counted(school, path) for path in paths] == few
    assert max(few) <= 10


def test_a_full_page_weighs_little(school: School, group: Group, clock: FixedClock) -> None:
    give_history(school.world.database, clock.now(), group, school.account_id, threads=60, messages=300)
    thread_id = school.world.value("SELECT id FROM thread ORDER BY last_message_at DESC LIMIT 1")
    assert len(school.get(f"/messages/{thread_id}").body) < 60_000
