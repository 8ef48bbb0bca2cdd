"""The simulator against the kit."""

from __future__ import annotations

from messa_platform.providers.kit import Conformance
from messa_platform.providers.simulator.fake import SimulatorFake
from messa_platform.providers.simulator.plugin import SimulatorProvider


class TestSimulator(Conformance):
    plugin, fake = SimulatorProvider, SimulatorFake
