"""Feedback: signed tokens of impressions, and the responses that came back for them."""
