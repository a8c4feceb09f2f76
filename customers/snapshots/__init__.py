"""Snapshots: a run's scores enter, a table for the warehouse leaves; and what the days in there say of each other."""
