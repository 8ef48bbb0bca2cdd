"""A way out that reaches this machine."""

from __future__ import annotations

import pytest

from messa_platform.core.outbound import (
    Outbound,
)
from tests.support.ways_out import LOCAL


@pytest.fixture
def local() -> Outbound:
    return Outbound(LOCAL)
