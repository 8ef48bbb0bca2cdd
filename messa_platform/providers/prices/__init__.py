"""What a text costs: price lists of what providers charge us and of what we charge, by prefix and from a day on (spec X4, B9)."""
