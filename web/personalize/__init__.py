"""/v1/personalize: a visitor and slots in, offers and items out, within the deadline."""
