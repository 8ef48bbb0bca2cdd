"""The part "Webhooks" of `@@api`: a group's webhooks, which are told of its messages and of those below it (spec V6)."""
