"""The bandit: attributed impressions in; how often each variant is shown out."""
