"""Feeds: what other stages read of the warehouse, from interactions to one person's dossier."""
