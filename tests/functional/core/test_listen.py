"""Hearing what is said by NOTIFY: across lost connections, and without ever missing something silently."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import make_url

from messa_platform.core.clock import SystemClock
from messa_platform.core.listen import FIRST_PAUSE, LONGEST_PAUSE, Callback, Listener, pause_after
from messa_platform.core.settings import WrongSettings, load
from messa_platform.core.site import DatabaseSettings
from tests.support.processes import HOST, wait_for

CLOCK = SystemClock()
_CUT = b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'messa listener' AND datname = %s"


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


class Mouth:
    """Says things to one database, and cuts its listeners off by way of another."""

    def __init__(self, url: str, connection: psycopg.Connection, beside: psycopg.Connection) -> None:
        self.database = make_url(url).database
        self._connection = connection
        self._beside = beside

    def say(self, word: str, channel: str = "news") -> None:
        """Say something; it is committed on return."""
        self._connection.execute("SELECT pg_notify(%s, %s)", [channel, word])

    def cut_off(self) -> None:
        """End the server's side of every listener's connection."""
        self._beside.execute(_CUT, [self.database])

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Nobody reaches the database within the block."""
        allow = f'ALTER DATABASE "{self.database}" ALLOW_CONNECTIONS '
        self._beside.execute(f"{allow} false".encode())
        self.cut_off()
        try:
            yield
        finally:
            self._beside.execute(f"{allow} true".encode())


@pytest.fixture
def mouth(database_url: str, server: str) -> Iterator[Mouth]:
    """Who speaks, in the test's own database."""
    with (
        psycopg.connect(plain(database_url), autocommit=True) as connection,
        psycopg.connect(plain(server), autocommit=True) as beside,
    ):
        yield Mouth(database_url, connection, beside)


Listen = Callable[..., Listener]


@pytest.fixture
def listen(database_url: str) -> Iterator[Listen]:
    """Starts a listener that calls back; all are closed in the end."""
    with contextlib.ExitStack() as stack:

        def start(*callbacks: Callback, url: str = database_url, patience: float = 15.0) -> Listener:
            listener = Listener(url, CLOCK, patience)
            for callback in callbacks:
                listener.subscribe("news", callback)
            stack.callback(listener.close)
            listener.start()
            return listener

        yield start


def since(listener: Listener) -> datetime:
    """Since when it listens, once it does."""
    return wait_for(lambda: listener.listening_since, says="listening")


def test_what_is_said_is_heard_by_everyone_in_its_order(listen: Listen, mouth: Mouth) -> None:
    heard: list[str] = []
    heard_too: list[str] = []
    since(listen(heard.append, heard_too.append))
    for word in ("ett", "två", "tre"):
        mouth.say(word)
    wait_for(lambda: len(heard_too) == 3)
    assert heard == heard_too == ["ett", "två", "tre"]


def test_channels_are_heard_apart(database_url: str, mouth: Mouth) -> None:
    listener = Listener(database_url, CLOCK)
    news: list[str] = []
    others: list[str] = []
    listener.subscribe("news", news.append)
    listener.subscribe("Other things", others.append)
    listener.start()
    try:
        since(listener)
        mouth.say("ett")
        mouth.say("två", "Other things")
        mouth.say("tre", "elsewhere")
        mouth.say("fyra")
        wait_for(lambda: news == ["ett", "fyra"])
    finally:
        listener.close()
    assert others == ["två"]


def test_what_is_said_from_the_moment_it_listens_is_heard(listen: Listen, mouth: Mouth) -> None:
    heard: list[str] = []
    listener = listen(heard.append)
    while listener.listening_since is None:  # as closely behind as a test can be
        pass
    mouth.say("genast")
    wait_for(lambda: heard == ["genast"])


def test_one_that_was_not_started_listens_to_nothing(database_url: str) -> None:
    listener = Listener(database_url, CLOCK)
    assert listener.listening_since is None
    listener.close()


def test_who_would_subscribe_too_late_is_told(listen: Listen) -> None:
    listener = listen(print)
    with pytest.raises(RuntimeError):
        listener.subscribe("late", print)


def test_a_lost_connection_is_made_again_and_the_gap_is_known(listen: Listen, mouth: Mouth) -> None:
    heard: list[str] = []
    listener = listen(heard.append)
    before = since(listener)
    cut_at = CLOCK.now()
    mouth.cut_off()
    wait_for(lambda: since(listener) > before, says="a later start")
    assert since(listener) > cut_at
    mouth.say("igen")
    wait_for(lambda: heard == ["igen"])


def test_while_the_database_is_away_nothing_is_believed(listen: Listen, mouth: Mouth) -> None:
    heard: list[str] = []
    listener = listen(heard.append)
    since(listener)
    with mouth.away():
        wait_for(lambda: listener.listening_since is None)
        time.sleep(1)
        gone = CLOCK.now()
        assert listener.listening_since is None
    assert since(listener) > gone
    mouth.say("tillbaka")
    wait_for(lambda: heard == ["tillbaka"])


def test_it_may_be_started_before_the_database(listen: Listen, mouth: Mouth) -> None:
    with mouth.away():
        listener = listen(print)
        time.sleep(0.5)
        assert listener.listening_since is None
    assert since(listener)


def test_every_word_was_heard_or_is_older_than_the_memory(listen: Listen, mouth: Mouth) -> None:
    heard: set[str] = set()
    listener = listen(heard.add)
    since(listener)
    missed = 0
    for round_ in range(3):
        said = []
        for number in range(40):
            if number == 20:
                mouth.cut_off()
            said.append((CLOCK.now(), f"{round_}-{number}"))
            mouth.say(said[-1][1])
        mouth.say(f"last-{round_}")
        wait_for(lambda said=said: listener.listening_since and listener.listening_since > said[20][0])  # type: ignore[misc]
        settled = since(listener)
        mouth.say(f"after-{round_}")
        wait_for(lambda round_=round_: f"after-{round_}" in heard)  # type: ignore[misc]
        silent = [word for at, word in said if word not in heard and at > settled]
        assert not silent
        missed += sum(1 for _, word in said if word not in heard)
    assert missed  # the connections were really cut while something was said


def test_who_fails_at_hearing_is_not_believed_about_the_time_before(listen: Listen, mouth: Mouth) -> None:
    heard: list[str] = []

    def fail(word: str) -> None:
        if word == "fel":
            raise ValueError(word)

    listener = listen(fail, heard.append)
    before = since(listener)
    mouth.say("fel")
    wait_for(lambda: heard == ["fel"])  # the others hear it all the same
    assert since(listener) > before
    mouth.say("rätt")
    wait_for(lambda: heard == ["fel", "rätt"])


class Wire:
    """A wire between a listener and the database, that can go dead without being cut."""

    def __init__(self, url: str) -> None:
        self._target = make_conninfo(plain(url))
        self._dead = threading.Event()
        self._over = threading.Event()
        self._front = socket.create_server((HOST, 0))
        self.port = self._front.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def die(self, dead: bool = True) -> None:
        """Carry nothing any more, or go on with what was held up."""
        (self._dead.set if dead else self._dead.clear)()

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        self._front.close()

    def _back(self) -> socket.socket:
        parts = psycopg.conninfo.conninfo_to_dict(self._target)
        host, port = str(parts.get("host", HOST)), int(parts.get("port") or 5432)
        if host.startswith("/"):
            back = socket.socket(socket.AF_UNIX)
            back.connect(f"{host}/.s.PGSQL.{port}")
            return back
        return socket.create_connection((host, port))

    def _run(self) -> None:
        ends: dict[socket.socket, socket.socket] = {}
        with contextlib.ExitStack() as stack:
            while not self._over.is_set():
                dead = self._dead.is_set()
                readable = select.select([self._front, *([] if dead else ends)], [], [], 0.02)[0]
                for one in readable:
                    if one is self._front:
                        near, far = (
                            stack.enter_context(self._front.accept()[0]),
                            stack.enter_context(self._back()),
                        )
                        ends |= {near: far, far: near}
                    elif one in ends:
                        data = one.recv(65536)
                        if data:
                            ends[one].sendall(data)
                        else:
                            other = ends.pop(one)
                            ends.pop(other)
                            other.close()
                            one.close()


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    """A wire to the test's database."""
    made = Wire(database_url)
    yield made
    made.close()


def through(wire: Wire, url: str) -> str:
    """The database's URL by the wire."""
    parts = make_url(url).set(host=HOST, port=wire.port)
    query = {k: v for k, v in parts.query.items() if k not in ("host", "port")}
    return parts.set(query={**query, "sslmode": "disable"}).render_as_string(hide_password=False)


def test_a_connection_that_gives_no_sign_of_life_is_not_believed_in(
    listen: Listen, mouth: Mouth, wire: Wire, database_url: str
) -> None:
    heard: list[str] = []
    listener = listen(heard.append, url=through(wire, database_url), patience=0.6)
    first = since(listener)
    time.sleep(1.5)
    assert listener.listening_since == first  # a quiet one is
    wire.die()
    mouth.say("oförmärkt")
    wait_for(lambda: listener.listening_since is None)
    wire.die(False)
    wait_for(lambda: heard == ["oförmärkt"] or (since(listener) > first))


def test_it_ends_at_once_whatever_it_waits_for(
    listen: Listen, mouth: Mouth, wire: Wire, database_url: str
) -> None:
    idle = listen(print)
    asking = listen(print, url=through(wire, database_url), patience=0.3)
    since(idle)
    since(asking)
    wire.die()
    wait_for(lambda: asking.listening_since is None)
    with mouth.away():
        pausing = listen(print)
        time.sleep(1)
        begun = time.monotonic()
        for listener in (idle, asking, pausing):
            listener.close()
        assert time.monotonic() - begun < 1
    assert idle.listening_since is asking.listening_since is pausing.listening_since is None
    assert not any(thread.name == "listener" for thread in threading.enumerate())


def test_behind_a_pooler_the_way_past_it_must_be_named() -> None:
    pooler, past = {"database.pooler": "true"}, {"MESSA_DATABASE_DIRECT_URL": "postgresql://host/messa"}
    with pytest.raises(WrongSettings, match=r"^database\.direct_url: .*MESSA_DATABASE_DIRECT_URL"):
        load((DatabaseSettings,), pooler, {})
    assert load((DatabaseSettings,), pooler, past)[DatabaseSettings].direct_url == "postgresql://host/messa"


def test_pauses_grow_and_stay_short_enough_to_notice_that_the_database_is_back() -> None:
    pauses = [pause_after(failures) for failures in range(12)]
    assert pauses == sorted(pauses)
    assert pauses[0] == FIRST_PAUSE
    assert pauses[-1] == LONGEST_PAUSE <= timedelta(seconds=10).total_seconds()
