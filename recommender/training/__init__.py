"""Training: interactions in; a fitted and evaluated model, published in the registry, out."""
