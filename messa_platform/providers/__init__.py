"""How texts leave and come in: the plugin contract, the registry, channels, callbacks; one folder a plugin."""
