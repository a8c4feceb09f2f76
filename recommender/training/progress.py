"""The progress of a training: its stages, and the share of the whole at which each begins."""

from collections.abc import Callable
from typing import Literal, get_args

Stage = Literal["read", "rehearse", "blend", "learn", "judge", "save"]

BEGINS: dict[Stage, float] = {
    "read": 0.0,
    "rehearse": 0.05,  # a model without the newest sessions
    "blend": 0.3,  # fitted on one half of those
    "learn": 0.5,  # the model of everything
    "judge": 0.8,  # by the other half, beside the live model
    "save": 0.95,
}
"""Shares of the time that a training on 2 million clicks took. They are estimates for a progress bar."""


def silent(stage: Stage, share: float) -> None:
    """Report to nobody."""


class Progress:
    """Calls ``tell`` with the stage and the share of the training, 0 to 1, that is done."""

    def __init__(self, tell: Callable[[Stage, float], None] = silent) -> None:
        self._tell = tell
        self._stage: Stage = "read"

    def stage(self, stage: Stage) -> None:
        """Begin ``stage``."""
        self._stage = stage
        self.part(0.0)

    def part(self, share: float) -> None:
        """``share`` of the current stage is done."""
        later = [begin for begin in BEGINS.values() if begin > BEGINS[self._stage]]
        begin, end = BEGINS[self._stage], min(later, default=1.0)
        self._tell(self._stage, round(begin + share * (end - begin), 3))


STAGES: tuple[Stage, ...] = get_args(Stage)
