"""Each strategy and the function that finds its candidate items."""

from collections.abc import Callable, Mapping

from recommender.serving import associated, components
from recommender.serving.blend import blend
from recommender.serving.personal import personal
from recommender.serving.slot import Candidates, Slot

CANDIDATE_SOURCES: Mapping[str, Callable[[Slot, int], Candidates]] = {
    "personal": personal,
    "session": components.session,
    "similar": components.similar,
    "bought_together": components.bought_together,
    "bought_next": associated.bought_next,
    "next_category": associated.next_category,
    "up_sell": associated.up_sell,
    "buy_again": components.buy_again,
    "trending": components.trending,
    "popular": components.popular,
    "blend": blend,
}
