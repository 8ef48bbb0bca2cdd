"""What of a mail failed, and whether its sender has been told of that cause within the hour (spec M10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.mail.causes import WORDS
from messa_platform.mail.letters import Failed
from messa_platform.mail.models import FailureNotice
from messa_platform.messaging.drafts import Entry, Receipted

NOTICE = cast(Table, FailureNotice.__table__)


def failed_entries(result: Receipted) -> list[Failed]:
    """The recipients that were refused, by cause, in the order of the mail."""
    by_cause: dict[tuple[str, str], list[Entry]] = {}
    for entry in result.entries:
        if entry.status in WORDS["sv"]:
            by_cause.setdefault((entry.status, entry.rule_group_name or ""), []).append(entry)
    most = result.sender.settings.max_parts
    return [Failed(cause, [e.recipient for e in es], group, most) for (cause, group), es in by_cause.items()]


# At most one such mail a sender and cause an hour, whichever worker comes first.
_ONCE_AN_HOUR = (
    "ON CONFLICT (address, cause) DO UPDATE SET told_at = EXCLUDED.told_at"
    " WHERE failure_notice.told_at <= EXCLUDED.told_at - interval '1 hour' RETURNING address, cause"
)


def not_told_lately(
    session: Session, now: datetime, wanted: Iterable[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Of the pairs (address, cause) those that may be told now; they are noted as told."""
    rows = [{"address": address, "cause": cause, "told_at": now} for address, cause in sorted(set(wanted))]
    return {(row.address, row.cause) for row in insert_rows(session, NOTICE, rows, _ONCE_AN_HOUR)}


_FORGET = text("DELETE FROM failure_notice WHERE told_at < :before")


def forget_old(session: Session, before: datetime) -> None:
    """Drop the notes of what was told before `before`."""
    session.execute(_FORGET, {"before": before})
