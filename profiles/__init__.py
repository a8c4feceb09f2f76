"""What we know about each visitor right now."""
