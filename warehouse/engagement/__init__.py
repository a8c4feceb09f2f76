"""Engagement: the visits of a span in, how long their pages were in front and how far they were read out."""
