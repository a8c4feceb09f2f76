"""Everything that ever happened, in Delta tables, and the questions asked of it."""
