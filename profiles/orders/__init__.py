"""The transitions of an order enter, and what is left of the order leaves."""
