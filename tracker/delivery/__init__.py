"""Delivery: events in, acknowledged once they are durable in the event log or the spool."""
