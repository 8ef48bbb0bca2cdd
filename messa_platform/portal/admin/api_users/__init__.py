"""`@@api` of a group: its API users, which send by an interface instead of a browser or a mail, and their keys (spec A4, V2)."""
