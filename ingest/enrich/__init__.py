"""Enrichment: an event enters; its channel, device, country, products and order leave."""
