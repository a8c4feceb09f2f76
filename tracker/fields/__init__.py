"""Fields of events: a value of any sender enters; what it means exactly leaves, and what of it was lost."""
