"""What counts as a bounce: a visit with exactly one event that the visitor caused.

A page view or a tracked event is caused by the visitor; a banner that was shown, or an identify call, is not
(``warehouse.definitions.conditions.CAUSED``).
"""

import numpy as np
import numpy.typing as npt

BOUNCE_EVENTS = 1


def is_bounce(caused: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Which visits are bounces, by how many events of each the visitor caused."""
    bounces: npt.NDArray[np.bool_] = caused == BOUNCE_EVENTS
    return bounces
