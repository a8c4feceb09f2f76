"""The consumers: decode, enrich, identify, sessionize, fold, append, commit."""
