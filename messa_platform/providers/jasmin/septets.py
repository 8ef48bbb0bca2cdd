"""Reading the GSM 7-bit default alphabet as SMPP carries it: unpacked, one septet in an octet."""

from __future__ import annotations

from messa_platform.core.gsm import BASIC, ESCAPE, EXTENSION

_EXTENDED = {septet: character for character, septet in EXTENSION.items()}
_STRANGE = "\N{REPLACEMENT CHARACTER}"


def decoded(octets: bytes) -> str:
    """What septets say."""
    found: list[str] = []
    is_escaped = False
    for octet in octets:
        if octet == ord(ESCAPE) and not is_escaped:
            is_escaped = True
            continue
        plain = BASIC[octet] if octet < len(BASIC) and octet != ord(ESCAPE) else _STRANGE
        # what knows no such extension shows the plain character (TS 23.038 6.2.1.1)
        found.append(_EXTENDED.get(octet, plain) if is_escaped else plain)
        is_escaped = False
    return "".join(found)
