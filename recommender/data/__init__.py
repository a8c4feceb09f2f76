"""Training data: event tables and a parameter file in; interactions, matrices and parameters out."""
