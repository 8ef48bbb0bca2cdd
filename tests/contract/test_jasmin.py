"""Jasmin against the kit."""

from __future__ import annotations

from messa_platform.providers.jasmin.fake import JasminFake
from messa_platform.providers.jasmin.plugin import JasminProvider
from messa_platform.providers.kit import Conformance


class TestJasmin(Conformance):
    plugin, fake = JasminProvider, JasminFake
