"""The card: how right the scores of a site were on its last closed window, and what may be shown because of it."""

from typing import Literal

import msgspec

from customers.scoring.drift import Drift

RISK_DAYS, VALUE_DAYS = 90, 365
"""The usual horizon of the risk, and that of the value."""

Absent = Literal["too few customers", "history too short", "no better than the obvious rule", "no amounts"]


Source = Literal["snapshot", "back-test"]
"""What the card judges: the scores that a run stored at the beginning of the window, or, where there is no such
snapshot yet, those of a model that is fitted now with what was known then."""


Behaviour = Literal["adds", "adds nothing that can be shown", "no web history"]


class RiskCard(msgspec.Struct, frozen=True):
    """How the risk did on the ``days`` up to the day of the card, given from what was known before them.

    ``auc``: of two customers, one who bought and one who did not, how often the second had the higher risk; beside it
    that of days since the last order. ``brier``: mean squared error; beside it that of one chance for all, the share of
    the window before. ``calibration``: the mean distance of what was said of a tenth of the customers to what
    happened. Of ``said``, whose risk was above a half, ``held`` did not buy. ``told_on``: the day (since 1970-01-01,
    the site's own) at whose end the risks were told. ``model`` is "" where a snapshot tells.
    ``auc_purchase``: of the best model that knows purchases only, in the back-test; ``behaviour``: whether visits,
    views and carts made the risk better there by more than chance.
    """

    model: str
    days: int
    customers: int
    auc: float
    auc_recency: float
    brier: float
    brier_constant: float
    calibration: float
    said: int
    held: int
    source: Source = "back-test"
    told_on: int | None = None
    drift: Drift | None = None
    auc_purchase: float | None = None
    behaviour: Behaviour = "no web history"

    @property
    def better(self) -> bool:
        return self.auc > self.auc_recency and self.brier < self.brier_constant


class ValueCard(msgspec.Struct, frozen=True):
    """How the value did on the ``days`` up to the day of the card, in the site's currency: revenue of all customers;
    where a snapshot tells, their contribution.

    Errors are square roots of mean squared errors a customer; beside the model's that of the mean for all, and that of
    "as much as in the days before". ``low`` to ``high`` was the interval of the sum. ``covered``: the share of the
    customers whose revenue was within their own interval;
    None where no window before tells.
    """

    model: str
    days: int
    customers: int
    said: float
    low: float
    high: float
    happened: float
    r2: float
    error: float
    error_constant: float
    error_repeat: float
    covered: float | None
    source: Source = "back-test"
    told_on: int | None = None

    @property
    def better(self) -> bool:
        return self.error < min(self.error_constant, self.error_repeat)


class ScoreCard(msgspec.Struct, frozen=True):
    """Of a site on a day (since 1970-01-01, its own). A part is None where there is nothing to judge; ``*_absent`` says
    why its score is not shown, and ``*_needs`` in a sentence what is missing."""

    day: int
    customers: int
    risk_days: int
    risk: RiskCard | None = None
    risk_absent: Absent | None = None
    risk_needs: str = ""
    value: ValueCard | None = None
    value_absent: Absent | None = None
    value_needs: str = ""
    value_total: tuple[float, float, float] | None = None
    """Expected contribution of all customers together in the next 365 days, and its interval."""
