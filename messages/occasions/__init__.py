"""Occasions: events, segments and dates enter; what makes somebody a message due goes to the ledger."""
