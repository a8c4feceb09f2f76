"""Every speed or size we claim, measured against a floor timed in the same run."""
