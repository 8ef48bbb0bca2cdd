"""`/v2`: the REST API (spec V1-V8). One file a resource, its schema beside it; the OpenAPI document is drawn from them."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.api_v2 import (
    api_callbacks,
    api_keys,
    api_users,
    audit,
    batches,
    documents,
    domain_moves,
    domains,
    identity,
    messages,
    numbers,
    operations,
    problems,
    webhooks,
)

PARTS = (
    operations,
    identity,
    problems,
    messages,
    batches,
    webhooks,
    domains,
    domain_moves,
    numbers,
    api_users,
    api_keys,
    api_callbacks,
    audit,
    documents,
)


def includeme(config: Configurator) -> None:
    """Mount the API."""
    for part in PARTS:
        config.include(part)
