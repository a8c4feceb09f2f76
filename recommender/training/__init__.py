"""Training: interactions in; a fitted, tuned and evaluated model out."""
