"""What is somebody else's is neither shown nor changed, and never taken for a page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock
from tests.support.portal import KARIN, School, seen
from tests.support.visitors import ANNA, Visitor, path_of, token_of
from tests.support.world import World

SCRIPT = "\"><script>alert(1)</script>'<img src=x onerror=alert(1)>"


# Somebody else's


@pytest.fixture
def ids(school: School, clock: FixedClock) -> dict[str, str]:
    """What Anna has: a thread, a text that waits, a list, a sending that is not confirmed and one that is."""
    school.text(KARIN, "Hemligt om Karin")
    later = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert school.send(school.thread(KARIN), text="Hemligt senare", send_at=later).status_int == 303
    school.send("/messages/lists/new", name="Hemliga listan", recipients="070-174 06 12")
    many = school.send("/messages/many", numbers="070-174 06 12", text="Hemligt till flera")
    sent = school.send("/messages/many", numbers="070-174 06 31", text="Hemligt, skickat")
    school.send(path_of(sent), f"{path_of(sent)}/confirm")
    return {
        "thread": school.thread(KARIN).rpartition("/")[2],
        "waiting": str(school.world.value("SELECT id FROM scheduled_text")),
        "list": str(school.world.value("SELECT id FROM recipient_list")),
        "sending": path_of(many).rpartition("/")[2],
        "sent": path_of(sent).rpartition("/")[2],
        "session": str(school.world.value("SELECT id FROM web_session LIMIT 1")),
    }


def test_nothing_of_another_account_is_shown_by_any_id(
    ids: dict[str, str], stranger: Visitor, school: School
) -> None:
    paths = [
        "/messages/{thread}", "/messages/{thread}/live", "/messages/{thread}?before={waiting}", "/messages/{thread}?edit=1",
        "/messages/lists/{list}", "/messages/sendings/{sending}", "/messages/sendings/{sent}",
        "/messages/sendings/{sending}/live", "/messages/sendings/{sent}/live", "/messages/sendings/{sent}?after=0",
    ]  # fmt: skip
    for path in paths:
        assert school.visitor.get(path.format(**ids)).status_int == 200, path
        answer = stranger.get(path.format(**ids))
        assert answer.status_int == 404, path
        assert "Hemlig" not in answer.text
    for path in ("/messages/live?current={thread}", "/messages/many?list={list}&change={sending}"):
        answer = stranger.get(path.format(**ids))
        assert answer.status_int == 200 and "Hemlig" not in answer.text
    assert "Nothing found" in seen(stranger.get("/messages?q=Hemligt"))


def test_nothing_of_another_account_is_changed_by_any_id(
    ids: dict[str, str], stranger: Visitor, school: School
) -> None:
    token = token_of(stranger.get("/messages/new"))

    def everything() -> list[str]:
        tables = ("thread", "scheduled_text", "recipient_list", "listed_recipient", "sending", "sending_work")
        found = [
            school.world.rows(f"SELECT row_to_json(t)::text AS row FROM {t} t ORDER BY 1") for t in tables
        ]
        return [row.row for rows in found for row in rows]

    before = everything()
    for path, fields in (
        ("/messages/{thread}", {"text": "Falskt"}),
        ("/messages/{thread}/rename", {"display_name": "Falskt"}),
        ("/messages/{thread}/cancel", {"message": "{waiting}"}),
        ("/messages/lists/{list}", {"name": "Falsk", "recipients": "070-174 06 05"}),
        ("/messages/lists/{list}/delete", {}),
        ("/messages/sendings/{sending}/confirm", {}),
        ("/messages/sendings/{sending}/discard", {}),
    ):
        named = {name: value.format(**ids) for name, value in fields.items()}
        answer = stranger.post(path.format(**ids), {"csrf_token": token, **named})
        assert answer.status_int == 404, path
    assert (
        stranger.post(
            "/messages/many", {"csrf_token": token, "kept": ids["sending"], "text": "Falskt"}
        ).status_int
        == 422
    )
    assert (
        stranger.post(
            "/messages/many", {"csrf_token": token, "list": ids["list"], "text": "Falskt"}
        ).status_int
        == 422
    )
    assert everything() == before
    assert school.visitor.get("/messages").status_int == 200


def test_a_waiting_text_is_not_cancelled_through_a_thread_of_ones_own(
    ids: dict[str, str], stranger: Visitor, school: School, world: World
) -> None:
    other = world.value("SELECT id FROM account WHERE address = 'olle@annan.example'")
    world.submit(other, [KARIN], "Mitt", guard=False)
    own = world.value("SELECT id FROM thread WHERE account_id = :id", id=other)
    token = token_of(stranger.get("/messages/new"))
    answer = stranger.post(f"/messages/{own}/cancel", {"csrf_token": token, "message": ids["waiting"]})
    assert path_of(answer).endswith("said=cancelled-too-late")
    assert world.value("SELECT count(*) FROM scheduled_text") == 1


# What others have written, shown


def test_what_others_wrote_is_never_taken_for_a_page(school: School) -> None:
    school.text(KARIN, f"Hej {SCRIPT}")
    school.answer(KARIN, SCRIPT)
    school.sent(school.thread(KARIN), f"{school.thread(KARIN)}/rename", display_name=SCRIPT)
    school.send("/messages/lists/new", name=SCRIPT, recipients=f"070-174 06 12; {SCRIPT}")
    saved = f"/messages/lists/{school.world.value('SELECT id FROM recipient_list')}"
    sheet = f"Mobil;{SCRIPT.replace(';', '')}\n070-174 06 31;{SCRIPT}\n".encode()
    bad = school.send(
        "/messages/many", None, files=[("sheet", f"{SCRIPT}.csv", sheet)], text="Hej {" + SCRIPT + "x}"
    )
    many = school.send("/messages/many", None, files=[("sheet", "a.csv", sheet)], text=f"Hej {SCRIPT}")
    school.send("/account", display_name=SCRIPT, mobile=SCRIPT, language="en")
    agent = Visitor(school.runtime, agent=f"Firefox/{SCRIPT}")
    agent.sign_in(ANNA)
    pages = [school.get(path) for path in (
        "/messages", f"/messages?q={SCRIPT}", "/messages/live?q=script", school.thread(KARIN), f"{school.thread(KARIN)}/live",
        f"{school.thread(KARIN)}?edit=1", "/messages/lists", saved, "/messages/many", f"/messages/new?to={SCRIPT}", "/account/sessions",
        "/account",
    )]  # fmt: skip
    wrong = school.send("/messages/new", to=SCRIPT, text=SCRIPT)
    count = school.send("/messages/new", "/messages/count", to="070-174 06 05", text=SCRIPT + "ў")
    signing = Visitor(school.runtime).sign_in(SCRIPT, next=f"/{SCRIPT}")
    for page in (*pages, bad, school.visitor.follow(many), wrong, count, signing):
        assert "<script>alert" not in page.text and "<img src=x" not in page.text, page.request.path
