"""Tables of what is not kept: how far the words of each tenant are removed, and which of them were passed over."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base


class TextRetention(Base):
    """In a place where words are kept, all of a tenant's with an id below `done_to` are removed, but for those in `held_text`."""

    __tablename__ = "text_retention"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    done_to: Mapped[UUID]


class HeldText(Base):
    """A message that was old enough while it still waited to be sent: its words are removed later."""

    __tablename__ = "held_text"

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(index=True)
