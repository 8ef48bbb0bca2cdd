"""waitress, made to hold many connections that are kept open and seldom used: pages that ask for news.

waitress itself looks at every open connection each time that anything happens on one of them, and closes the connection after each answer
that has no content, such as "nothing new". Here the system tells which connections have something (epoll, kqueue), and they stay open.
"""

from __future__ import annotations

import contextlib
import logging
import resource
import select
import selectors
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

from messa_platform.core.logs import logger

log = logger(__name__)

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

WAITING = "messa.waiting"
"""In a request's environment: how many others waited for a thread when it got one."""

MOST_CONNECTIONS = 4096
OTHER_FILES = 256
"""Files that the process needs beside its connections: the database's, logs, what is being sent."""

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_FLAGS = {
    READ: select.POLLIN,
    WRITE: select.POLLOUT,
    READ | WRITE: select.POLLIN | select.POLLOUT,
}

LATER = "messa.later"
"""In a request's environment: the `Later` by which it may be answered by another thread, after the application has raised `PutOff`."""

Later = Callable[[str, list[tuple[str, str]], bytes], None]
"""Answers a request, once: with a status such as `200 OK`, headers and a body."""


class PutOff(BaseException):
    """The request is answered later, or was already, and needs no thread until then. No `Exception`: nothing on its way to the server may take
    it for a failure."""


_serving = threading.local()
"""`channel`: whose request this thread is answering."""


class _Task(WSGITask):  # type: ignore[misc]
    """An answer. One without content ends with its headers (RFC 9112, 6.3), so the connection can stay."""

    close_on_finish = False

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[WAITING] = len(self.channel.server.task_dispatcher.queue)
        environ[LATER] = self.channel.answer
        return environ

    def execute(self) -> None:
        given, self.channel.given = self.channel.given, None
        if given is None:
            super().execute()
            return
        self.status, headers, body = given
        self.response_headers.extend(headers)
        self.content_length = len(body)
        self.complete = True
        self.write(body)

    def build_response_header(self) -> bytes:
        asked_to_close = self.request.headers.get("CONNECTION", "").lower() == "close"
        stays = self.version == "1.1" and not (self.has_body or self.close_on_finish or asked_to_close)
        if stays:
            self.close_on_finish = True  # waitress takes it that this is settled, and says nothing of closing
        header: bytes = super().build_response_header()
        if stays:
            self.close_on_finish = False
        return header


class _Limited:
    """waitress's settings for a request whose body may be smaller than others'."""

    def __init__(self, adjustments: Any, most: int) -> None:
        self._adjustments = adjustments
        # waitress refuses what is as large as its limit
        self.max_request_body_size = most + 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adjustments, name)


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request on its way in."""

    adj: Any

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        path = "/" + self.path.lstrip("/")
        for prefix, most in self.adj.body_limits.items():
            if path.startswith(prefix):
                self.adj = _Limited(self.adj, most)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection. `unwatched`: the loop does not watch for what comes on it, and must be told when it should again."""

    task_class = _Task
    parser_class = _Parser
    unwatched = True
    given: tuple[str, list[tuple[str, str]], bytes] | None = None
    """The answer to a request that was put off, on its way out."""

    def service(self) -> None:
        before = getattr(_serving, "channel", None)
        _serving.channel = self
        try:
            super().service()
        except PutOff:
            pass  # another thread may be long at work with this connection's next request
        finally:
            _serving.channel = before

    def answer(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer the request that was put off; a `Later`."""
        self.given = (status, headers, body)
        self.service()


class _Channels(dict[int, Any]):
    """waitress's map of file numbers, which knows what each waits for; changed only by the loop's thread, but for `wake`."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, int] = {}
        self._changed: deque[int] = deque()
        self._trigger_pulled = False

    def __setitem__(self, number: int, channel: Any) -> None:
        super().__setitem__(number, channel)
        self._changed.append(number)  # asked what it waits for once it is complete

    def __delitem__(self, number: int) -> None:
        channel = self[number]
        super().__delitem__(number)
        self._watch(number, channel, 0)

    def changed(self, channel: Any) -> None:
        """A channel may wait for something else now; to be told in the loop's thread."""
        self._changed.append(channel._fileno)

    def wake(self, channel: Any, pull_trigger: Callable[[], None]) -> None:
        """A thread that answers a request on `channel` has come to something that may need the loop."""
        if channel is not None:
            if not (channel.writable() or channel.unwatched):
                return  # all is sent, and the loop is watching for the next request: nothing to do
            self._changed.append(channel._fileno)
        if not self._trigger_pulled:
            self._trigger_pulled = True
            pull_trigger()

    def turn(self, seconds: float) -> None:
        """Wait at most so long for something to happen, and deal with it."""
        self._trigger_pulled = False
        while self._changed:
            self._look(self._changed.popleft())
        for key, events in self._selector.select(seconds):
            channel = self.get(key.fd)
            if channel is None:
                continue
            if events == READ and not channel.readable():
                self._look_away(key.fd, channel)
            else:
                wasyncore.readwrite(channel, _FLAGS[events])
                self._changed.append(key.fd)

    def _look(self, number: int) -> None:
        """Watch a channel for what it waits for."""
        channel = self.get(number)
        if channel is None:
            return
        wanted = READ if channel.readable() else 0
        if channel.writable() and not channel.accepting:
            wanted |= WRITE
        # While a request is being answered nothing is wanted, for a millisecond or two: seldom worth telling the system twice.
        if wanted or self._watched.get(number) != READ:
            self._watch(number, channel, wanted)

    def _look_away(self, number: int, channel: Any) -> None:
        """Something came on a channel that takes nothing now: it would be told again and again."""
        self._watch(number, channel, 0)
        if channel.readable():  # its answer was finished just before it could know that it must wake us
            self._changed.append(number)

    def _watch(self, number: int, channel: Any, wanted: int) -> None:
        watched = self._watched.pop(number, 0)
        channel.unwatched = not wanted & READ
        if wanted:
            self._watched[number] = wanted
        if wanted == watched:
            return
        if not wanted:
            self._selector.unregister(number)
        elif watched:
            self._selector.modify(number, wanted)
        else:
            self._selector.register(number, wanted)

    def close(self) -> None:
        """Close every connection."""
        wasyncore.close_all(self)
        self._selector.close()


class _Listening(TcpWSGIServer):  # type: ignore[misc]
    """An address that is listened on."""

    channel_class = _Channel

    def pull_trigger(self) -> None:
        self._map.wake(getattr(_serving, "channel", None), super().pull_trigger)

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for channel in self.active_channels.values():
            if channel.will_close:
                self._map.changed(channel)


class WebServer:
    """Answers HTTP on `host` and `port` by a WSGI application, `threads` requests at a time; `adjustments` are waitress's own.

    `body_limits`: bytes of a body at the most, by the beginning of the path, where it is less than anywhere else; what is larger is answered
    413 before it has come. Raises `OSError` if the address cannot be listened on.
    """

    def __init__(
        self,
        app: WsgiApp,
        host: str,
        port: int,
        threads: int,
        body_limits: Mapping[str, int] | None = None,
        **adjustments: Any,
    ) -> None:
        self._channels = _Channels()
        adjusted = Adjustments(
            host=host, port=port, threads=threads, connection_limit=room_for_connections(), **adjustments
        )
        adjusted.body_limits = dict(body_limits or {})
        # a line for each request that waits for a thread, which costs more than many an answer
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._dispatcher = ThreadedTaskDispatcher()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        try:
            self._listening = [
                _Listening(app, self._channels, dispatcher=self._dispatcher, adj=adjusted, sockinfo=address)
                for address in adjusted.listen
            ]
        except OSError:
            self._channels.close()
            raise
        self._dispatcher.set_thread_count(threads)

    @property
    def port(self) -> int:
        """The port; the one that the system gave if 0 was asked for."""
        return int(self._listening[0].effective_port)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """End, once what is being answered is answered."""
        self._dispatcher.shutdown()
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(10)
        self._channels.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for listening in self._listening:
                self._channels.changed(
                    listening
                )  # whether it takes more connections; and it tidies up now and then
            self._channels.turn(0.2)


def room_for_connections() -> int:
    """How many connections the process may hold, with as many open files as the system lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    room = MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft - OTHER_FILES)
    return max(room, OTHER_FILES)
