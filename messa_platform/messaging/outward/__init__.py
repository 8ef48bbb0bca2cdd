"""Events to the outside: webhooks of groups, and the `api_url` of API users (spec A3, R3, V6).

`note` writes down, in the transaction in which a message moves, who is to be told of it; `push` tells them.
"""
