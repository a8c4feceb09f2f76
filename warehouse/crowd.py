"""How much each person teaches: a crowd that one network brings in one go counts as a few people.

Visitors cost a stranger nothing: an id is a number that anybody can make up. Networks (/24, /48) are not as cheap. So
who first came from one network in one minute count as MINUTE people together, who first came from it in one day as DAY.
It is the tracker's clock that tells when, not the event's own time. Where every visitor seems to come from one network
(a proxy of the shop's that is not trusted), all are scaled alike, and what they like stays what it was.
"""

import numpy as np
import numpy.typing as npt

MINUTE_MS, DAY_MS = 60_000, 86_400_000
MINUTE, DAY = 5.0, 20.0
SINGLE = 0.5
"""Who did one thing only and was never seen again weighs half."""

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


def weights(
    person: npt.NDArray[np.integer], received: Longs, sender: npt.NDArray[np.integer], people: int
) -> Floats:
    """By person, up to 1, from their events: ``person`` (0 … ``people`` - 1) and ``sender`` are codes, ``received`` is
    the tracker's time (ms). A negative sender is the site itself or not known: whom it ever told of weighs 1."""
    weight = np.ones(people)
    if not len(person) or not (sender >= 0).any():
        return weight
    order = np.lexsort((received, person))
    who = person[order]
    first = order[np.flatnonzero(np.diff(who, prepend=-1) != 0)]
    vouched = np.zeros(people, np.bool_)
    vouched[person[sender < 0]] = True
    first = first[~vouched[person[first]]]
    who, network, moment = person[first], sender[first].astype(np.int64), received[first]
    own = np.where(np.bincount(person, minlength=people)[who] > 1, 1.0, SINGLE)
    for span, most in ((MINUTE_MS, MINUTE), (DAY_MS, DAY)):
        _, crowd = np.unique(np.stack([network, moment // span]), axis=1, return_inverse=True)
        together = np.bincount(crowd.ravel(), own)
        own = own * np.minimum(1.0, most / together)[crowd.ravel()]
    weight[who] = own
    return weight


def repeats(group: npt.NDArray[np.integer], most: float, weight: Floats | None = None) -> Floats:
    """By row, up to 1: by what rows of one group are to be multiplied so that together they weigh ``most`` at most.
    ``weight``: of each row, 1 without. Groups are numbers, or rows of numbers."""
    if not len(group):
        return np.ones(0)
    _, which = np.unique(group, axis=0, return_inverse=True)
    which = which.ravel()
    size = np.bincount(which, weight)
    limited: Floats = np.minimum(1.0, most / np.maximum(size, 1e-12))[which]
    return limited
