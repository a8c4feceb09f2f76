"""Recommender: interactions, a catalogue and a visitor's live profile in; recommended items out."""
