"""Import and export: files of events and access logs enter an installation; the data of one person leaves it."""
