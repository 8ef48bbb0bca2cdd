"""The conformance kit: what every provider plugin must do, as tests that run against a fake of the provider.

A plugin's author writes the fake (see `kit.http_fake`) and three lines:

    from messa_platform.providers.kit import Conformance
    from my_plugin import MyFake, MyProvider
    class TestMyProvider(Conformance): plugin, fake = MyProvider, MyFake

and runs pytest. What a plugin says that it can do is tried; what it does not say it must not be able to do. Nothing is skipped: a case for which
the fake has no answer fails.
"""

from messa_platform.providers.kit.conformance import Conformance
from messa_platform.providers.kit.fake import Delivery, Fake, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake
from messa_platform.providers.kit.serving import serving

__all__ = ["Conformance", "Delivery", "Fake", "HttpFake", "Taken", "Trouble", "WrongRequest", "serving"]
