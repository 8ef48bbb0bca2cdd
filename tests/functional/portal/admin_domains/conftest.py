"""A municipality with a school, whose domains are looked for in the test's DNS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from tests.support.dns_server import DnsServer, a_dns_server
from tests.support.domain_pages import CHEF, REKTOR, Office
from tests.support.visitors import Visitor, a_runtime, signed_in
from tests.support.world import World


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    with a_dns_server() as server:
        yield server


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock, dns_server: DnsServer) -> Iterator[Runtime]:
    """The parts of a process that asks the test's DNS server."""
    settings = {"dns.resolver": dns_server.resolver, "dns.timeout_seconds": "2"}
    with a_runtime(database_url, tmp_path / "key", clock, **settings) as made:
        yield made


@pytest.fixture
def office(world: World, runtime: Runtime, dns_server: DnsServer) -> Office:
    master = world.tenant()
    school = world.group(master, "Skolan")
    made = Office(world, runtime, dns_server, master, school, Visitor(runtime), Visitor(runtime))
    made.administer(master, CHEF)
    made.administer(school, REKTOR)
    made.chef, made.rektor = signed_in(runtime, CHEF), signed_in(runtime, REKTOR)
    return made
