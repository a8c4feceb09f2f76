"""Conditions on an event, in SQL: whether it is a page view, whether the visitor caused it."""

CAUSED = """(type in ('page', 'screen') or
    (type = 'track' and name not in ('Offer Viewed', 'Offer Decided', 'Offer Withheld')))"""
"""SQL: whether the visitor caused the event. A banner that was shown or an identify call is not a deed."""

PAGEVIEW = "type in ('page', 'screen')"
