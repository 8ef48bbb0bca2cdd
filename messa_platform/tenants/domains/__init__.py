"""Domains that organisations tie to their groups: claimed, proven, re-checked, and their people moved (spec D1-D4)."""
