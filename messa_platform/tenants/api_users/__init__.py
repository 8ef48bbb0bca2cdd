"""API users, members of a group that send by an interface, and the keys by which they are known (spec A4, V2)."""
