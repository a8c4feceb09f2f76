"""Campaigns: who is offered what, how often, and what came of it."""
