"""Enrichment: an event in; its channel, device, country, products and plausibility out."""
