"""Model: trained parts in; stored versions and the one that serves out."""
