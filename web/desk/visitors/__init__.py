"""The pages of visitors: the list, and one person."""
