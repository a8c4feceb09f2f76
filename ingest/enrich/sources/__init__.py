"""Sources: the host or parameters that a visitor came with enter; what kind of place that is leaves."""
