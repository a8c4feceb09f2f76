"""Algorithms: each learns from interactions and scores candidate items."""
