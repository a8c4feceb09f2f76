"""Algorithms: interactions in; for each algorithm a trained part out that scores candidate items."""
