"""What the demo starts with: the shop's products and its campaigns, as data."""
