"""The index: encoded events of a site, in order, which reports scan instead of the tables."""
