"""Scheduled jobs: what runs when, and the work that is no stage's own."""
