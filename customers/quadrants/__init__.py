"""Quadrants: category mixes and expected values enter; each customer's place leaves, and what to do there."""
