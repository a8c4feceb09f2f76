"""Serving: a visitor and a slot request in; recommended items with reasons out."""
