"""Permission: one person, one message and what the stores know enter; every gate with its answer leaves."""
