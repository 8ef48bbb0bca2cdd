"""What the SMSC sink writes down: a line a submit_sm, before that is answered. It alone testifies what was sent twice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.pdus import ShortMessage


@dataclass(frozen=True)
class Taken:
    """A submit_sm that the sink took."""

    at: float
    """Seconds since 1970."""
    id: str
    """As the submit_sm_resp names it."""
    system_id: str
    message: ShortMessage


def line(at: float, name: str, system_id: str, message: ShortMessage) -> str:
    """The journal's line of a message."""
    tlvs = ",".join(f"{tag:04x}={value.hex()}" for tag, value in message.tlvs.items())
    return (
        f"{at:.6f}\t{name}\t{system_id}\t{message.source}\t{message.destination}\t{message.esm_class:02x}"
        f"\t{message.data_coding:02x}\t{message.registered_delivery:02x}\t{message.octets.hex()}\t{tlvs}\n"
    )


def _taken(text: str) -> Taken:
    at, name, system_id, source, destination, esm_class, coding, registered, octets, tlvs = text.split("\t")
    pairs = (pair.partition("=") for pair in tlvs.split(",") if pair)
    return Taken(
        float(at),
        name,
        system_id,
        ShortMessage(
            source,
            destination,
            bytes.fromhex(octets),
            int(esm_class, 16),
            int(coding, 16),
            int(registered, 16),
            tlvs={int(tag, 16): bytes.fromhex(value) for tag, _, value in pairs},
        ),
    )


def read_journal(path: Path) -> list[Taken]:
    """All that a sink took, in the order in which it came."""
    with path.open(encoding="utf-8") as lines:
        return [_taken(text.removesuffix("\n")) for text in lines if text.endswith("\n")]
