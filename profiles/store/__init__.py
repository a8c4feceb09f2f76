"""Ids of a site enter, and the profiles that stand under them leave: the port, the store in memory, lookup."""
