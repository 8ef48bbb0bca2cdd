"""x"""

from __future__ import annotations

ANNA, BO, CIA = "anna@kommun.example", "bo@kommun.example", "cia@kommun.example"
