"""Sinch against the kit."""

from __future__ import annotations

from messa_platform.providers.kit import Conformance
from messa_platform.providers.sinch.fake import SinchFake
from messa_platform.providers.sinch.plugin import SinchProvider


class TestSinch(Conformance):
    plugin, fake = SinchProvider, SinchFake
