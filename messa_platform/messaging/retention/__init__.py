"""What is not kept for ever: the words of a tenant's messages (spec L4), and whole months of messages, where the operator says so."""
