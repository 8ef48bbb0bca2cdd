"""The log as the admins of groups see it (spec L1-L4)."""
