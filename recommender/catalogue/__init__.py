"""The catalogue: items as the shop described them and as events tell them."""
