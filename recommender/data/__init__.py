"""Training data: interactions, and the parameters that training takes."""
