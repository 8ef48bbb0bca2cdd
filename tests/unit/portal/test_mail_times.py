"""The mails of the portal tell times as the clock goes where their recipient's organisation is (spec W1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from messa_platform.portal.mails import AccessMails
from messa_platform.portal.operator.mails import InvitationMails

NIGHT = datetime(2026, 6, 30, 21, 30, tzinfo=UTC)
ANNA: dict[str, Any] = {
    "address": "anna@kommun.example",
    "language": "sv",
    "tenant_id": UUID(int=1),
    "key": "mail:1",
}


@pytest.mark.parametrize(
    ("zone", "clock", "day"),
    [
        ("Europe/Stockholm", "23:30", "30 juni 2026"),
        ("Europe/Helsinki", "00:30", "1 juli 2026"),
        ("Atlantic/Reykjavik", "21:30", "30 juni 2026"),
    ],
)
def test_times_are_those_of_the_zone(zone: str, clock: str, day: str) -> None:
    access = AccessMails("messa.example", "https://messa.example")
    invitations = InvitationMails("messa.example", "https://messa.example")
    there = {**ANNA, "time_zone": zone}
    reset = access.reset(**there, word="ord", until=NIGHT)
    changed = access.password_changed(**there, at=NIGHT)
    invited = invitations.invitation(
        **there, organisation="Kommunen", slug="kommunen", word="ord", until=NIGHT
    )
    assert clock in reset.text
    assert day in changed.text and clock in changed.text
    assert day in invited.text
