"""The model: its arrays and its card, and the registry that names the one that serves."""
