"""Planning: what a shop's history and a campaign's plan say of how long its experiment takes."""
