"""Search of people: what an agent types comes in, an e-mail, a number or a name with a typo; who is meant goes out."""
