"""Strategy → what proposes its items."""

from collections.abc import Callable, Mapping

from recommender import propose
from recommender.blend import blend
from recommender.personal import personal
from recommender.scene import Proposal, Scene

PROPOSERS: Mapping[str, Callable[[Scene, int], Proposal]] = {
    "personal": personal,
    "session": propose.session,
    "similar": propose.similar,
    "bought_together": propose.bought_together,
    "buy_again": propose.buy_again,
    "trending": propose.trending,
    "popular": propose.popular,
    "blend": blend,
}
