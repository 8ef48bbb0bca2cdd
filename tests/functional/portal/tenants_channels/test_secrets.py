"""What is secret of a tenant's own channel is in no page, log, audit row or dump of the database in the clear, whatever is done with it: every
page is read, every table dumped (issue 7, line 6). By the API the same is asked in `tests/functional/api_v2/test_channels.py`."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import pytest
from webtest import TestResponse

from messa_platform.providers.elks.fake import PASSWORD, USER, ElksFake
from messa_platform.runtime import Runtime
from tests.functional.portal.tenants_channels.conftest import Office, spelt
from tests.support.operators import an_operator, at_the_pages
from tests.support.visitors import Visitor
from tests.support.world import World

WRONG, NEXT = "fel-lösen-7d1c5e0b9f", "nytt-lösen-2b8e4417aa"


def copied(url: str) -> str:
    """All that the database holds, as `pg_dump` copies it."""
    found = []
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        assert len(tables) > 30
        for (table,) in tables:
            with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as rows:
                found += [bytes(row).decode() for row in rows]
    return "".join(found)


def spellings(secret: str) -> set[str]:
    """A secret, and as bytes in the clear would stand in a dump."""
    raw = secret.encode()
    return {secret, raw.hex(), base64.b64encode(raw).decode()}


@dataclass
class Watch:
    """Reads all that is to be read, for secrets that there are. `seen` is what was read."""

    office: Office
    operator: Visitor
    url: str
    secrets: set[str] = field(default_factory=set)
    pages: int = 0

    def addresses(self) -> Iterator[tuple[Visitor, str]]:
        own = self.office.base
        for visitor in (self.office.visitor, self.operator):
            for path in (
                own,
                "/t/kommun/@@marketplace",
                f"{own}/new/elks",
                "/t/kommun/@@audit",
                "/t/kommun/@@logs",
            ):
                yield visitor, path
            for row in self.office.world.rows("SELECT id FROM channel"):
                yield visitor, f"{own}/{row.id}"
                yield visitor, f"{own}/{row.id}/remove"
            for row in self.office.world.rows("SELECT id FROM message"):
                yield visitor, f"/t/kommun/@@log-message?id={row.id}"
        for path in ("/operator/channels", "/operator/audit", "/operator/tenants/kommun"):
            yield self.operator, path

    def check(self, *answers: TestResponse) -> None:
        """Nothing of it is anywhere."""
        for answer in answers:
            self.free(answer.text + str(answer.headers), str(answer.request.url))
        for visitor, path in self.addresses():
            answer = visitor.get(path)
            self.pages += answer.status_int == 200
            self.free(answer.text + str(answer.headers), path)
        self.free(copied(self.url), "a dump of the database")

    def free(self, text: str, where: str) -> None:
        for secret in self.secrets:
            for spelling in spellings(secret):
                assert spelling not in text, f"{spelling} in {where}"


@pytest.fixture
def watch(world: World, office: Office, runtime: Runtime, database_url: str) -> Watch:
    return Watch(office, at_the_pages(runtime, an_operator(world)), database_url, {PASSWORD, WRONG, NEXT})


def test_a_secret_that_stands_in_the_clear_would_be_found(watch: Watch, world: World, fake: ElksFake) -> None:
    channel = watch.office.connect(fake)
    watch.check()
    bare = world.value("SELECT sealed FROM channel")
    for statement in (
        f"UPDATE channel SET settings = settings || jsonb_build_object('password', '{PASSWORD}')",
        f"UPDATE channel SET sealed = '{PASSWORD}'",
        f"UPDATE channel SET name = '{PASSWORD}'",
    ):
        world.run(statement)
        with pytest.raises(AssertionError, match="in "):
            watch.check()
        world.run(
            "UPDATE channel SET settings = settings - 'password', sealed = :sealed, name = '46elks' WHERE id = :id",
            sealed=bare,
            id=channel,
        )
    watch.check()


CALLED = {
    "direction": "incoming",
    "id": "i1",
    "from": "+46701740605",
    "to": "+1",
    "message": "x",
    "created": "x",
}


def test_from_being_connected_to_being_removed_no_secret_is_told(
    watch: Watch, office: Office, world: World, fake: ElksFake, capfd: pytest.CaptureFixture[str]
) -> None:
    channel = connected(watch, office, fake)
    anna = world.account(office.master, "anna@kommun.example")
    at_work(watch, office, fake, channel, anna)
    broken(watch, office, fake, channel, anna)
    changed(watch, office, channel)
    for what in ("pause", "resume", "remove"):
        watch.check(office.press(channel, what))
    watch.free("".join(capfd.readouterr()), "the log")
    assert watch.pages > 100
    assert world.value("SELECT count(*) FROM audit_entry WHERE action LIKE 'channel%'") == 7


def connected(watch: Watch, office: Office, fake: ElksFake) -> UUID:
    """The channel is connected, with a mistake first. Its key is told once, there, to be put into the provider's pages."""
    watch.check(office.fill_in(name="", s_username=USER, s_password=PASSWORD, s_url="http://"))
    told = office.fill_in(name="46elks", s_username=USER, s_password=PASSWORD, s_url=fake.base)
    channel, key = office.id_of("46elks"), office.kept("46elks")["callback_key"]
    assert key in told.text and PASSWORD not in told.text
    watch.secrets.add(key)
    watch.check(office.press(channel, "test"))
    return channel


def at_work(watch: Watch, office: Office, fake: ElksFake, channel: UUID, sender: UUID) -> None:
    """A text leaves, and the provider calls, as does somebody else."""
    office.world.submit(sender, ["+46701740605"], "Hej")
    office.runtime.dispatcher.run(channel, lambda: False)
    assert [taken.text for taken in fake.taken] == ["Hej"]
    stranger, key = Visitor(office.runtime), office.kept("46elks")["callback_key"]
    watch.check(stranger.post(f"/providers/{channel}/incoming?key=fel", CALLED))
    answer = stranger.post(f"/providers/{channel}/incoming?key={key}", CALLED)
    watch.free(answer.text, "an answer to a callback")
    watch.check()


def broken(watch: Watch, office: Office, fake: ElksFake, channel: UUID, sender: UUID) -> None:
    """A wrong password, a key of the deployment that is gone, settings that the plugin does not take."""
    world = office.world
    watch.check(office.change(channel, s_password=WRONG), office.press(channel, "test"))
    world.submit(sender, ["+46701740606"], "Hej")
    office.runtime.dispatcher.run(channel, lambda: False)
    watch.check()
    sealed = world.value("SELECT sealed FROM channel")
    world.run("UPDATE channel SET sealed = 'x'")
    watch.check(office.press(channel, "test"))
    settings = "UPDATE channel SET sealed = :sealed, settings = settings || jsonb_build_object('url', {})"
    world.run(settings.format("7"), sealed=sealed)
    watch.check(office.press(channel, "test"))
    office.runtime.dispatcher.run(channel, lambda: False)
    world.run(settings.format("CAST(:url AS text)"), sealed=sealed, url=fake.base)


def changed(watch: Watch, office: Office, channel: UUID) -> None:
    """Another password and name; then a key that is made anew, and told once."""
    key = office.kept("46elks")["callback_key"]
    watch.check(office.change(channel, s_password=NEXT, name="46elks ny"))
    renewed = office.change(channel, **{"renew-callback_key": "1"})
    again = office.kept("46elks ny")["callback_key"]
    assert again != key and again in renewed.text
    watch.secrets.add(again)
    assert office.kept("46elks ny")["password"] == NEXT
    watch.check()


def test_no_other_organisation_sees_that_there_is_a_channel(
    watch: Watch, office: Office, neighbour: Office, fake: ElksFake
) -> None:
    answer = office.fill_in(name="Hemlig väg", s_username=USER, s_password=PASSWORD, s_url=fake.base)
    assert answer.status_int == 200
    base = "/t/annan"
    paths = [f"{base}/@@{page}" for page in ("channels", "marketplace", "audit", "logs", "overview")]
    neighbour.visitor.send(neighbour.base + "/new/elks", spelt({"name": "Hemlig väg"}))
    for path in paths:
        assert "Hemlig väg" not in neighbour.visitor.get(path).text
    assert neighbour.visitor.get(office.base).status_int == 404
