"""The people of an organisation: adding many at once, one member's form, consents, and their numbers (spec G11, R5)."""
