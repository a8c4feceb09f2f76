"""Catalogue: items from the shop's API and from product events in; the current items of a site out."""
