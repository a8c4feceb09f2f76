"""Segments: named audiences, and who is in them now."""
