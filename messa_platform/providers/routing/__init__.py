"""By which channel a text leaves, and why by that one (spec X4)."""
