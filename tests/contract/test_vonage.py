"""Vonage against the kit."""

from __future__ import annotations

from messa_platform.providers.kit import Conformance
from messa_platform.providers.vonage.fake import VonageFake
from messa_platform.providers.vonage.plugin import VonageProvider


class TestVonage(Conformance):
    plugin, fake = VonageProvider, VonageFake
