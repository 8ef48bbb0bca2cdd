"""Our side of a sign-in by OpenID Connect: what is asked, whom the provider knows, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable

from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.tenants.access.oidc import Inquiry
from messa_platform.tenants.access.oidc_tokens import Failed, Person

CALLBACK = "http://127.0.0.1:6543/sso/callback"
ANNA = "anna@kommun.example"
INQUIRY = Inquiry("the state", "the nonce", "v" * 64)
OUTBOUND = Outbound(OutboundSettings(allow_private=True, timeout=2.0, max_bytes=100_000))


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


SignIn = Callable[..., Person | Failed]
WHO = Person(f"sub-{ANNA}", ANNA, True, "Anna Lindqvist")
