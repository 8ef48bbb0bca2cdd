"""Twilio against the kit."""

from __future__ import annotations

from messa_platform.providers.kit import Conformance
from messa_platform.providers.twilio.fake import TwilioFake
from messa_platform.providers.twilio.plugin import TwilioProvider


class TestTwilio(Conformance):
    plugin, fake = TwilioProvider, TwilioFake
