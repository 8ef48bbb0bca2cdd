"""A PostgreSQL server of our own, for a deployment that names no `DATABASE_URL`.

    with attach(Path("var/database")) as held:
        engine = create_engine(held.url)

Whoever attaches holds the server. The first holder starts it, those that come later join it, and it ends with
the last one, also when that one was ended by kill -9.
"""

from messa_platform.core.embedded.binaries import Binaries, find_binaries, server_version
from messa_platform.core.embedded.errors import EmbeddedError
from messa_platform.core.embedded.server import Held, attach

__all__ = ["Binaries", "EmbeddedError", "Held", "attach", "find_binaries", "server_version"]
