"""The funnel page: how many go from step to step, and where the others leave."""
