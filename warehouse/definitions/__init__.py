"""Definitions: what counts as a page view, a deed, a visit, a bounce and an order, and in which order events stand."""
