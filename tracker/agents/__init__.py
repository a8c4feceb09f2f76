"""Programs that read pages: a user agent in, the agent's name, operator and kind out."""
