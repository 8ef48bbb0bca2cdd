"""What a process is made of: the rooms' parts, put together from the settings once, at start."""

from __future__ import annotations

from messa_platform.runtime.building import build, open_database
from messa_platform.runtime.parts import Runtime
from messa_platform.runtime.settings import SECTIONS, CannotStart, read_settings, refuse_unread_broker

__all__ = [
    "SECTIONS",
    "CannotStart",
    "Runtime",
    "build",
    "open_database",
    "read_settings",
    "refuse_unread_broker",
]
