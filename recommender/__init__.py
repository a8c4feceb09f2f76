"""Item recommendation: trained on the warehouse, served from the live profile."""
