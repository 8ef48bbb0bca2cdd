"""46elks against the kit."""

from __future__ import annotations

from messa_platform.providers.elks.fake import ElksFake
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.kit import Conformance


class TestElks(Conformance):
    plugin, fake = ElksProvider, ElksFake
