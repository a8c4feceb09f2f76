"""The processes of one machine: the supervisor, the embedded Redis, locks and heartbeats."""
