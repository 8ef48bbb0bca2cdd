from messa_pigeon.fake import PigeonFake
from messa_pigeon.plugin import PigeonProvider

from messa_platform.providers.kit import Conformance


class TestPigeon(Conformance):
    plugin, fake = PigeonProvider, PigeonFake
