"""Data in and out: files of events and access logs enter an installation; all that is known of a person leaves it."""
