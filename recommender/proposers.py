"""Strategy → what proposes its items."""

from collections.abc import Callable, Mapping

from recommender import propose
from recommender.blend import blend
from recommender.propose import Proposal, Scene

PROPOSERS: Mapping[str, Callable[[Scene, int], Proposal]] = {
    "personal": propose.personal,
    "session": propose.session,
    "similar": propose.similar,
    "bought_together": propose.bought_together,
    "buy_again": propose.buy_again,
    "trending": propose.trending,
    "popular": propose.popular,
    "blend": blend,
}
