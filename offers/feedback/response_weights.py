"""Response weights: how much an impression counts, so that one network's crowd of made-up visitors counts little."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from offers.feedback.responses import Response
from warehouse.feeds import person_weights

IMPRESSIONS_A_CAMPAIGN = 20.0
"""The most impressions of one campaign that count for one person."""


def response_weights(responses: Iterable[Response]) -> dict[str, float]:
    """By nonce, up to 1: how much an impression counts. A crowd that one network sends counts as a few people
    (``warehouse.feeds.person_weights``), and one person's of a campaign as IMPRESSIONS_A_CAMPAIGN at most."""
    given = [response for response in responses if response.row.kind not in ("decided", "withheld")]
    profiles = {
        name: code for code, name in enumerate(dict.fromkeys(response.row.profile for response in given))
    }
    networks = {
        name: code
        for code, name in enumerate(dict.fromkeys(row.sender for _, row in given if row.from_public_key))
    }
    if not networks:
        return {}
    person = np.array([profiles[row.profile] for _, row in given])
    received = np.array([row.received for _, row in given], np.int64)
    sender = np.array([networks[row.sender] if row.from_public_key else -1 for _, row in given])
    people = person_weights.weights(person, received, sender, len(profiles)).weight
    shown = {token.nonce: (row.profile, token.campaign) for token, row in given if row.from_public_key}
    often = Counter(shown.values())
    return {
        nonce: float(people[profiles[profile]]) * min(1.0, IMPRESSIONS_A_CAMPAIGN / often[profile, campaign])
        for nonce, (profile, campaign) in shown.items()
    }
