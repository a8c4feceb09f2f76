"""Rebuilds: rows of the warehouse enter and profiles leave; messages of the log enter and lost rows leave."""
