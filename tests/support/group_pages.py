"""Pages of groups, and their forms."""

from __future__ import annotations

import html
import re

from webtest import Form, TestResponse

from tests.support.visitors import Visitor


def text_of(page: TestResponse) -> str:
    """What stands in a page's main part, without tags."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def form_of(page: TestResponse, do: str) -> Form:
    """One of the group's forms."""
    posted = [form for form in page.forms.values() if form.method.upper() == "POST" and "do" in form.fields]
    return next(form for form in posted if form["do"].value == do)


def fields_of(page: TestResponse, do: str) -> dict[str, str]:
    """The fields of one of the group's forms as they stand in the page, with the chosen options."""
    form = form_of(page, do)
    fields = {name: field[0] for name, field in form.fields.items() if name}
    return {name: field.value or "" for name, field in fields.items()}


def opened_for(visitor: Visitor, page: str, do: str) -> TestResponse:
    """A group's page with one of its forms."""
    return visitor.get(f"{page}?do=remove" if do == "remove" else page)


def act(visitor: Visitor, page: str, do: str, **changed: object) -> TestResponse:
    """Open a group's page and send one of its forms, changed."""
    opened = opened_for(visitor, page, do)
    fields = {**fields_of(opened, do), **{name: str(value) for name, value in changed.items()}}
    return visitor.post(form_of(opened, do).action, fields)
