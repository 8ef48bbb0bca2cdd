"""Kannel (https://www.kannel.org)."""
