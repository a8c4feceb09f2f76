"""Web servers' access logs: lines in, rows of the warehouse out."""
