"""Groups: what profiles say enters; stable groups of customers leave, each with an audience that a person can read."""
