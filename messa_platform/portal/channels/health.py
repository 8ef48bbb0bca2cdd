"""How a channel has fared for the last 24 hours, as a small picture that is drawn on the server, with the same in words (spec X4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from messa_platform.core.i18n import Speech
from messa_platform.messaging.by_channel import HOURS, Hour

HEIGHT, PLACE, BAR = 400, 10, 8
"""Units of the drawing: its height, how wide an hour's place is, and its bar."""


@dataclass(frozen=True, slots=True)
class Health:
    """`says` is what the picture shows, in words; `sent` and `failed` are paths, "" where there is nothing to draw."""

    says: str
    sent: str
    failed: str
    width: int = HOURS * PLACE
    height: int = HEIGHT


def health(speech: Speech, now: datetime, hours: Sequence[Hour]) -> Health:
    """The picture of these hours, the last of which ends now."""
    top = max((hour.sent + hour.failed for hour in hours), default=0)
    pieces: dict[str, list[str]] = {"sent": [], "failed": []}
    for place, hour in enumerate(hours if top else ()):
        below = 0
        for kind, texts in (("sent", hour.sent), ("failed", hour.failed)):
            if texts:
                bottom, up = (round(HEIGHT * (1 - n / top)) for n in (below, below + texts))
                # a single failure among thousands is to be seen
                up = min(up, bottom - HEIGHT // 20) if kind == "failed" else up
                up = max(up, 0)
                left = place * PLACE + (PLACE - BAR) // 2
                pieces[kind].append(f"M{left} {up}h{BAR}v{bottom - up}h-{BAR}z")
                below += texts
    return Health(_says(speech, now, hours), "".join(pieces["sent"]), "".join(pieces["failed"]))


def _says(speech: Speech, now: datetime, hours: Sequence[Hour]) -> str:
    sent, failed = sum(hour.sent for hour in hours), sum(hour.failed for hour in hours)
    if not sent + failed:
        return speech.gettext("The last 24 hours: no texts.")
    words = [
        speech.gettext(
            "The last 24 hours: %(sent)s sent, %(failed)s failed.",
            sent=speech.number(sent),
            failed=speech.number(failed),
        )
    ]
    if failed:
        worst = max(range(len(hours)), key=lambda place: hours[place].failed)
        begin = now - timedelta(hours=len(hours) - worst)
        words.append(
            speech.gettext(
                "Most of those that failed, %(failed)s, were from %(begin)s to %(end)s.",
                failed=speech.number(hours[worst].failed),
                begin=speech.clock(begin),
                end=speech.clock(begin + timedelta(hours=1)),
            )
        )
    return " ".join(words)
