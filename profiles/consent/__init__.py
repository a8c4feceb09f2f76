"""Consent: what visitors said about purposes comes in; whether a purpose is allowed goes out."""
