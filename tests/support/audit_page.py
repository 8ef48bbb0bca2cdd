"""Entries of the audit log, and what its page shows of them."""

from __future__ import annotations

from webtest import TestResponse

HERE = "/t/kommun/skolan/@@audit"


def cells(page: TestResponse) -> list[list[str]]:
    """The rows of the page's table, without the times."""
    return [
        [" ".join(cell.get_text(" ").split()) for cell in row.find_all("td")[1:]]
        for row in page.html.select("tbody tr")
    ]


def whats(page: TestResponse) -> list[str]:
    return [row[1] for row in cells(page)]
