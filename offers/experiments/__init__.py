"""Experiments: impressions and responses in; lift over the holdout and off-policy estimates, with intervals, out."""
