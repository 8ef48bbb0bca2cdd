"""Texts to many, and what became of one."""

from __future__ import annotations

from tests.support.world import World

PHONE, OTHER = "0701740605", "0701740606"


def numbers(count: int) -> list[str]:
    return [f"+467017{i:05}" for i in range(count)]


def waiting(world: World) -> int:
    return int(world.value("SELECT count(*) FROM dispatch_queue"))
