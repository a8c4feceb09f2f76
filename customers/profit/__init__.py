"""Profitability: what each customer contributed enters; who earns the profit, and who costs some, leaves."""
