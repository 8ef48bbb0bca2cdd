"""A fake of a provider that is asked over HTTP: its author writes the submit request as the documents have it, the answers when something is
wrong, and the callbacks with their signatures. What networks do to anybody, silence, cut connections, garbage, is done here.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import web

from messa_platform.providers.kit.fake import ANSWERED, Fake, Trouble, WrongRequest
from messa_platform.providers.kit.serving import HOST, serving


class HttpFake(Fake):
    """A fake that is a web server."""

    def __init__(self) -> None:
        super().__init__()
        self.port = 0

    @property
    def base(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.port}"

    @abstractmethod
    def routes(self) -> Sequence[web.RouteDef]:
        """What the provider offers; `self.submitting(…)` around what takes texts, `self.answering(…)` around the rest."""

    @abstractmethod
    def in_trouble(self, trouble: Trouble) -> web.Response:
        """What the provider answers to a text in one of the troubles of `ANSWERED`."""

    def submitting(self, take: Any) -> Any:
        """A handler for texts: `take(request)` reads a request, adds to `taken` and gives the answer, or raises `WrongRequest`."""

        async def handle(request: web.Request) -> web.StreamResponse:
            self.asked += 1
            trouble = self.trouble
            if trouble in ANSWERED and trouble is not None:
                return self.in_trouble(trouble)
            if trouble is Trouble.REDIRECT:
                return web.Response(status=307, headers={"Location": f"{self.base}/trap"})
            answer = await self._told(take, request)
            if trouble is None or answer.status >= 400:
                return answer
            return await _misbehave(request, trouble, answer)

        return handle

    def answering(self, take: Any) -> Any:
        """A handler for anything else that is asked: as `submitting`, but only `WRONG_KEY` and `SILENT` befall it."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if self.trouble is Trouble.WRONG_KEY:
                return self.in_trouble(Trouble.WRONG_KEY)
            if self.trouble is Trouble.SILENT:
                await asyncio.sleep(3600)
            return await self._told(take, request)

        return handle

    async def _told(self, take: Any, request: web.Request) -> web.Response:
        try:
            answer: web.Response = await take(request)
        except WrongRequest as wrong:
            self.wrong.append(str(wrong))
            return web.Response(status=400, text=str(wrong))
        return answer

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve on a free port of this machine within the block."""
        with serving(self._serve()):
            yield

    @asynccontextmanager
    async def _serve(self) -> AsyncIterator[None]:
        application = web.Application(client_max_size=10_000_000)
        application.add_routes([*self.routes(), web.route("*", "/trap", self._trap)])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, 0).start()
            self.port = runner.addresses[0][1]
            yield
        finally:
            await runner.cleanup()

    async def _trap(self, _request: web.Request) -> web.Response:
        self.trapped += 1
        return web.Response(text="nobody should be here")


async def _misbehave(request: web.Request, trouble: Trouble, answer: web.Response) -> web.StreamResponse:
    if trouble is Trouble.SILENT:
        await asyncio.sleep(3600)
    if trouble is Trouble.MALFORMED:
        return web.Response(status=200, text="<html>\x00 Welcome to nginx! {", content_type="text/html")
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    if trouble is Trouble.CUT:
        response.content_length = len(answer.body or b"") + 100  # type: ignore[arg-type]
    await response.prepare(request)
    body = bytes(answer.body or b"")  # type: ignore[arg-type]
    with contextlib.suppress(ConnectionError):
        if trouble is Trouble.CUT:
            await response.write(body[: len(body) // 2] or b"x")
        while trouble is Trouble.ENDLESS:
            await response.write(b" " * 65_536)
    assert request.transport is not None or trouble is Trouble.ENDLESS
    if request.transport is not None:
        request.transport.abort()
    return response
