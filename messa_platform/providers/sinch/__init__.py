"""Sinch (https://sinch.com)."""
