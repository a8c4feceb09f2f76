"""HTTP serving: the server process, the applications behind one port, and their health."""
