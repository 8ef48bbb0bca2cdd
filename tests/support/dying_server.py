"""`messa`, but for one answer: it dies (SIGKILL) when a request for `MESSA_DIES_AT` (method and path) is done and its answer has not left.

The application has finished then, whatever it wanted to commit is committed, and no byte of the answer has been written. It stands here, and
not in the product, so that the product knows nothing of it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any

from messa_platform import serve
from messa_platform.cli import main
from messa_platform.core.web import WsgiApp


def dying(app: WsgiApp, method: str, path: str) -> WsgiApp:
    """The application, which dies where its answer would leave."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = app(environ, start_response)  # waitress writes nothing before it has the first bytes of this
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == (method, path):
            os.kill(os.getpid(), signal.SIGKILL)
        return body

    return answer


if __name__ == "__main__":
    made = serve.make_wsgi
    method, _, path = os.environ["MESSA_DIES_AT"].partition(" ")
    serve.make_wsgi = lambda runtime: dying(made(runtime), method, path)
    sys.exit(main(sys.argv[1:]))
