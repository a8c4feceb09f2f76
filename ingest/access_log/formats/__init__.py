"""Formats that access logs come in: the first lines of a log enter; how its lines are read leaves."""
