"""46elks (https://46elks.com)."""
