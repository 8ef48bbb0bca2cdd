"""Organisations: the group tree, accounts, domains, settings in force, quotas, numbers."""
