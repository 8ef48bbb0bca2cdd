"""An arrived mail, as raw bytes, read into what becomes an SMS. Knows no database and no network."""

from .message import MAX_SMS_TEXT, read
from .values import DropReason, Reading, Unreadable, UnreadableReason

__all__ = ["MAX_SMS_TEXT", "DropReason", "Reading", "Unreadable", "UnreadableReason", "read"]
