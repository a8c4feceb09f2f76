"""Sending: due occasions enter; messages leave over their channels, and what became of them is an event."""
