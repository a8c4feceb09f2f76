"""Rebuilds: profiles made again from the warehouse, and lost rows made again from the event log."""
