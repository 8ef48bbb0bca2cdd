"""The kernel: what every room stands on. Imports no sibling."""
