"""Backups: the whole installation into a dated folder, and back, without the people who were erased since."""
