"""Infobip (https://www.infobip.com)."""
