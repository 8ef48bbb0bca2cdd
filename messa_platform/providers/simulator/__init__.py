"""An SMS network on a desk: a process of its own (`process.run`), and the plugin that talks to it (`plugin`).

The package's root imports nothing, so that a platform that only needs the plugin does not load a web server.
"""
