"""Benches: figures beside the same machine's bare baseline, outside the test run (`make bench`)."""
