"""A way out for plugins on which everything that is asked gets the same answer."""

from __future__ import annotations

import json
from typing import Any

from messa_platform.core.outbound import Answer, NoAnswer


class OneAnswer:
    """The way out; `asked` has each request: method, URL, and what else was given."""

    def __init__(self, answer: Answer | NoAnswer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    async def request(self, method: str, url: str, **more: Any) -> Answer | NoAnswer:
        self.asked.append((method, url, more))
        return self.answer


def answer(told: Any, status: int = 200) -> Answer:
    """An answer of JSON, or of bytes as they are."""
    return Answer(status, {}, told if isinstance(told, bytes) else json.dumps(told).encode())
