"""Reports: a scope and a span in, the figures of one report out."""
