"""The baselines: an aiosmtpd that does nothing, and PostgreSQL's bare inserts."""

from __future__ import annotations

import asyncio
import sys
import time

import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session


class Nothing:
    """Says 250 and forgets."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return "250 OK"


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Nothing(), enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def insert_rates(url: str, seconds: float = 3.0) -> tuple[float, float]:
    """Rows a second: one a transaction, and a hundred a transaction, each of the size of a small mail."""
    row = (b"x" * 500,)
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute(
            "CREATE TABLE bench_insert (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, raw bytea)"
        )
        connection.commit()
        single = _rate(connection, [row], seconds)
        batch = _rate(connection, [row] * 100, seconds)
        connection.execute("DROP TABLE bench_insert")
        connection.commit()
    return single, batch


def _rate(connection: psycopg.Connection, rows: list[tuple[bytes]], seconds: float) -> float:
    begin, inserted = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO bench_insert (raw) VALUES (%s)", rows)
        connection.commit()
        inserted += len(rows)
    return inserted / (time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(asyncio.run(_serve()))
