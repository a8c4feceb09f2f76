"""The pages of reports: overview, funnel, paths, retention, products, goals, live, agents."""
