"""Hosted shops: a verified webhook, or an order of their REST API in; the transitions of an order out."""
