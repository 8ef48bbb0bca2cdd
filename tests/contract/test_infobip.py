"""Infobip against the kit."""

from __future__ import annotations

from messa_platform.providers.infobip.fake import InfobipFake
from messa_platform.providers.infobip.plugin import InfobipProvider
from messa_platform.providers.kit import Conformance


class TestInfobip(Conformance):
    plugin, fake = InfobipProvider, InfobipFake
