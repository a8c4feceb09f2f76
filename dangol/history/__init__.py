"""Stored events: who was erased of them, and what jobs and training read of them."""
