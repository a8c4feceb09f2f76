"""Redis: the connection, the profile store, and the pipelined client."""
