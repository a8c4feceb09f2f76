"""Scores: purchases enter; the risk and the value of every customer leave, with a card of how right they were."""
