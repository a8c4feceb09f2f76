"""Audiences: an expression in, and whether a visitor is one of them."""
