"""Evaluation: held-out cases, ranking metrics, and the gate that a new model must pass."""
