"""Folding: enriched events of one site enter; what became of each leaves, and their profiles are saved."""
