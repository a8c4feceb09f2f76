"""A question that cannot be asked."""

from tracker.refusal import Invalid


class QueryRefused(Invalid):
    """What was asked makes no sense. ``field`` names the parameter at fault, for the caller's message."""
