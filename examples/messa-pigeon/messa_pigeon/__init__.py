"""The Pigeon SMS gateway as a provider for messa."""
