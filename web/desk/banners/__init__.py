"""Banners: what every page of the desk warns of."""
