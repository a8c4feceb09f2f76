"""The decision: a visitor and a slot in; a campaign and variant, or the reason for none, out."""
