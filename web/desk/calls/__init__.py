"""Calls: what a caller says comes in; who they are, what to offer them, and a note of the call go out."""
