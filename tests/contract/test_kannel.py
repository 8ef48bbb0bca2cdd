"""Kannel against the kit."""

from __future__ import annotations

from messa_platform.providers.kannel.fake import KannelFake
from messa_platform.providers.kannel.plugin import KannelProvider
from messa_platform.providers.kit import Conformance


class TestKannel(Conformance):
    plugin, fake = KannelProvider, KannelFake
