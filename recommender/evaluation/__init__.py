"""Evaluation: a model and held-out cases in; ranking metrics and the decision whether the model may serve out."""
