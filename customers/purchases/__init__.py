"""Purchases: a site's orders enter; columns of numbers leave, by person and day, as of any day."""
