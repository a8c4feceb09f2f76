"""Hosted shops that Dangol asks: a connection of a site in, the orders that changed lately out."""
