"""Definitions: what counts as a page view, a visitor's own event, a bounce and an order."""
