"""Customers: snapshots of scores enter; the report of how they stand, and lists of who they are, leave."""
