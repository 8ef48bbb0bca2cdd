"""SMPP against the kit."""

from __future__ import annotations

from messa_platform.providers.kit import Conformance
from messa_platform.providers.smpp.fake import SmppFake
from messa_platform.providers.smpp.plugin import SmppProvider


class TestSmpp(Conformance):
    plugin, fake = SmppProvider, SmppFake
