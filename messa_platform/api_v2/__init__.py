"""`/v2`: the REST API (spec V1-V8). One file a resource, its schema beside it; the OpenAPI document is drawn from them."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.api_v2 import (
    batches,
    documents,
    identity,
    messages,
    operations,
    problems,
    threads,
    usage,
    webhooks,
)


def includeme(config: Configurator) -> None:
    """Mount the API."""
    for part in (operations, identity, problems, messages, batches, threads, usage, webhooks, documents):
        config.include(part)
