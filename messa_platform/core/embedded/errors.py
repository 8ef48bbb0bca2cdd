"""What can go wrong with the embedded server."""

from __future__ import annotations


class EmbeddedError(Exception):
    """The embedded server cannot be had. The text says why, and what a person can do about it."""
