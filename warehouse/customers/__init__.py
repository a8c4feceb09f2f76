"""Customers: questions for what they buy and how they scored enter; columns and counts leave."""
