"""46elks as a bench needs it: `python -m tests.support.slow_http PORT LATENCY` takes every text after so many seconds, and counts them."""

from __future__ import annotations

import asyncio
import sys
from itertools import count

import uvloop
from aiohttp import web

HOST = "127.0.0.1"


def application(latency: float) -> web.Application:
    """Answers as 46elks does."""
    numbers = count(1)

    async def take(request: web.Request) -> web.Response:
        form = await request.post()
        await asyncio.sleep(latency)
        told = {"id": f"s{next(numbers):030x}", "from": form["from"], "to": form["to"], "status": "created"}
        return web.json_response(told)

    made = web.Application()
    made.add_routes([web.post("/a1/sms", take)])
    return made


if __name__ == "__main__":
    uvloop.install()
    web.run_app(
        application(float(sys.argv[2])), host=HOST, port=int(sys.argv[1]), access_log=None, print=None
    )
