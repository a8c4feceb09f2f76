"""Learning: impressions and responses in; bandit weights and off-policy estimates out."""
