"""`/v2`: the REST API (spec V1-V8). One file a resource, its schema beside it; the OpenAPI document is drawn from them."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.api_v2 import (
    accounts,
    admins,
    api_callbacks,
    api_keys,
    api_users,
    audit,
    batches,
    channels,
    documents,
    domain_moves,
    domains,
    groups,
    identity,
    messages,
    numbers,
    operations,
    organisation,
    problems,
    quotas,
    routes,
    settings,
    threads,
    usage,
    webhooks,
)

PARTS = (
    operations,
    identity,
    problems,
    # the resources, in the order of the document
    messages,
    batches,
    threads,
    webhooks,
    groups,
    settings,
    quotas,
    organisation,
    accounts,
    admins,
    domains,
    domain_moves,
    channels,
    routes,
    numbers,
    api_users,
    api_keys,
    api_callbacks,
    usage,
    audit,
    documents,
)


def includeme(config: Configurator) -> None:
    """Mount the API."""
    for part in PARTS:
        config.include(part)
