"""The log of messages that admins search, with the summaries that make it quick at any size (spec L1-L4)."""
