"""What a provider's own codes mean, in words, where its plugin knows (spec S7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.providers.base import ExplainsCodes
from messa_platform.providers.registry import NoProvider, Plugin


class Plugins(Protocol):
    """Who knows the plugins by their names."""

    def plugin(self, name: str) -> Plugin:
        """The plugin of that name. Raises `NoProvider`."""


_PLUGIN = text("SELECT plugin FROM channel WHERE id = :id AND (tenant_id = :tenant_id OR tenant_id IS NULL)")


def code_words(session: Session, plugins: Plugins, tenant_id: UUID, channel_id: UUID) -> Mapping[str, str]:
    """What the codes of a channel's provider mean, by code, in English, to be translated where they are shown; none where nobody knows.

    The channel is the tenant's own, or the platform's.
    """
    name = session.execute(_PLUGIN, {"id": channel_id, "tenant_id": tenant_id}).scalar()
    try:
        plugin = plugins.plugin(name) if name else None
    except NoProvider:  # a plugin that is gone leaves its messages behind
        plugin = None
    return plugin.codes if isinstance(plugin, ExplainsCodes) else {}
