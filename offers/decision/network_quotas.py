"""Network quotas: how much of a campaign's budget the visitors of one network may use in a day."""

from offers.campaign.campaign import Budget
from tracker.durations import DAY_MS

SHARE, SHARE_LEAST = 0.25, 4.0
"""Of a budget, what the visitors of one network may have in a day."""
NETWORKS_KEPT = 200_000


class NetworkQuotas:
    """How many decisions of each campaign with a budget the visitors of each network had today: no more than SHARE of
    the budget, or SHARE_LEAST where that is more, so that a stranger who makes up visitors does not empty it."""

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._day = 0
        self._taken: dict[tuple[tuple[str, str], str], int] = {}

    def take(self, key: tuple[str, str], budget: Budget, network: str, at: int) -> bool:
        if at // DAY_MS != self._day or len(self._taken) >= NETWORKS_KEPT:
            self._day, self._taken = at // DAY_MS, {}
        taken = self._taken.get((key, network), 0)
        if taken >= max(SHARE * decisions_within(budget), SHARE_LEAST) / self._processes:
            return False
        self._taken[key, network] = taken + 1
        return True

    def give_back(self, key: tuple[str, str], network: str) -> None:
        if (key, network) in self._taken:
            self._taken[key, network] -= 1


def decisions_within(budget: Budget) -> float:
    """About so many decisions a budget allows: each might be clicked on."""
    price = budget.cpm / 1000 + budget.cpc
    limits = (budget.impressions, budget.clicks, budget.spend / price if budget.spend and price else None)
    return min((float(limit) for limit in limits if limit is not None), default=0.0)
