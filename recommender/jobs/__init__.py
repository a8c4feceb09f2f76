"""Training jobs: when a site trains, one at a time, and how far a run has come."""
