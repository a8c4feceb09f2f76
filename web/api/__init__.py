"""The HTTP API: each module serves the routes of one resource."""
