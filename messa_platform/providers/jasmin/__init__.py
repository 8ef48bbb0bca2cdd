"""Jasmin (https://jasminsms.com)."""
