"""An arrived mail, as raw bytes, read into what becomes an SMS. Knows no database and no network."""

from messa_platform.mail.reading.message import MAX_SMS_TEXT, read
from messa_platform.mail.reading.values import DropReason, Reading, Unreadable, UnreadableReason

__all__ = ["MAX_SMS_TEXT", "DropReason", "Reading", "Unreadable", "UnreadableReason", "read"]
