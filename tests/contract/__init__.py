"""The conformance kit, run by every plugin."""
