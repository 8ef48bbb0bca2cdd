"""GatewayAPI against the kit."""

from __future__ import annotations

from messa_platform.providers.gatewayapi.fake import GatewayApiFake
from messa_platform.providers.gatewayapi.plugin import GatewayApiProvider
from messa_platform.providers.kit import Conformance


class TestGatewayApi(Conformance):
    plugin, fake = GatewayApiProvider, GatewayApiFake
