"""Collection: HTTP protocols in, durable events out. Imports nothing else of ours."""
