"""SMPP 3.4 on the wire, for who speaks it on either side: the plugin, its fake, and the simulator."""
