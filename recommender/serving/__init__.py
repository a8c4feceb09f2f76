"""Serving: a visitor and a request in, ranked items out."""
