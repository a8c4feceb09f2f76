"""Results: what a campaign was worth, with its lift over the holdout."""
