"""Files of customers and of contacts with them enter; identify, consent and contact events of the site leave."""
