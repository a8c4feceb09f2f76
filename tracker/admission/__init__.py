"""Admission: whether a request may be collected, under which identity, and what is left out of it."""
