"""Records of consent for tests that only need the present state."""

from collections.abc import Mapping

from profiles.model import Consent, Purpose


def answers(said: "Mapping[Purpose, bool]", at: int = 0) -> list[Consent]:
    """A record with an answer about each purpose, given at ``at`` (ms)."""
    return [Consent(purpose, given, at) for purpose, given in said.items()]
