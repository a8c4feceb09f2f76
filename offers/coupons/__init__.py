"""Coupons: pools of codes, of which each person is given one, and the orders that redeem them."""
