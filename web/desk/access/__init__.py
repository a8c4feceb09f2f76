"""Signing in to the desk, and the page of its users."""
