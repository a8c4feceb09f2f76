"""Customers of the desk: how they stand by scores, and lists of them from which segments and campaigns begin."""
