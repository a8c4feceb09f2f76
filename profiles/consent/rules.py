"""What a visitor's consent allows: the one place that decides, and the home for the rules of each country.

Today one rule holds everywhere: what was said counts; while nothing was said, the visit is counted and personalized,
and nobody is written to. The tracker cannot import this module: what it does at the door with the page's own consent
and with opt-out signals stands in ``tracker/admission/gate.py``.
"""

from collections.abc import Mapping

from profiles.model import Purpose

DEFAULTS: Mapping[Purpose, bool] = {"analytics": True, "personalization": True, "marketing": False}
"""Whether a purpose is allowed while nobody was asked."""


def allows(consent: Mapping[str, bool], purpose: Purpose) -> bool:
    """Whether ``purpose`` is allowed by ``consent``: a profile's record, or what a page says of its visitor."""
    return consent.get(purpose, DEFAULTS[purpose])
