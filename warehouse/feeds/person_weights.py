"""The weight of each person in training: many visitors of one network at one time count as a few people.

Visitors cost a stranger nothing: an id is a number that anybody can make up. Networks (/24, /48) are not as cheap. So
who first came from one network in one minute count as MINUTE people together, who first came from it in one day as DAY,
or as SHARE of the others of that day: a large shop has many customers on one carrier's network.
It is the tracker's clock that tells when, not the event's own time. Where every visitor seems to come from one network
(a proxy of the shop's that is not trusted), all are scaled alike, and what they like stays what it was.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tracker.durations import DAY_MS, MINUTE_MS

MINUTE, DAY, SHARE = 3.0, 5.0, 0.01
SINGLE = 0.5
"""Who did one thing only and was never seen again weighs half."""

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer]


class PersonWeights(NamedTuple):
    """By person: how much they teach, up to 1, and the network that they first came from, -1 where it is not known or
    the site itself told of them."""

    weight: Floats
    network: Longs


def weights(person: Codes, received: Longs, sender: Codes, people: int) -> PersonWeights:
    """Of persons 0 … ``people`` - 1, from their events: ``person`` and ``sender`` are codes, ``received`` is the
    tracker's time (ms). A negative sender is the site itself or not known: whom it ever told of weighs 1."""
    weight, networks = np.ones(people), np.full(people, -1, np.int64)
    if not len(person) or not (sender >= 0).any():
        return PersonWeights(weight, networks)
    order = np.lexsort((received, person))
    first = order[np.flatnonzero(np.diff(person[order], prepend=-1) != 0)]
    vouched = np.zeros(people, np.bool_)
    vouched[person[sender < 0]] = True
    first = first[~vouched[person[first]]]
    who, network, moment = person[first], sender[first].astype(np.int64), received[first]
    own = np.where(np.bincount(person, minlength=people)[who] > 1, 1.0, SINGLE)
    own = own * _bounded(network, moment // MINUTE_MS, own, MINUTE, 0.0)
    weight[who] = own * _bounded(network, moment // DAY_MS, own, DAY, SHARE)
    networks[who] = network
    return PersonWeights(weight, networks)


def _bounded(network: Longs, time: Longs, own: Floats, most: float, share: float) -> Floats:
    """By what each weight is to be multiplied so that one network's of one time are together ``most`` at most, or
    ``share`` of what the others' may be."""
    networks = int(network.max(initial=0)) + 1
    crowds, crowd = _numbered(time * networks + network)
    together = np.bincount(crowd, own)
    _, when = _numbered(crowds // networks)
    allowed = np.minimum(together, most)
    others = np.bincount(when, allowed)[when] - allowed
    bounded: Floats = np.minimum(1.0, np.maximum(most, share * others) / together)[crowd]
    return bounded


def repeats(group: Longs, most: float, weight: Floats | None = None) -> Floats:
    """By row, up to 1: by what rows of one ``group`` are to be multiplied so that together they weigh ``most`` at most.
    ``weight``: of each row, 1 without."""
    _, which = _numbered(group)
    limited: Floats = np.minimum(1.0, most / np.maximum(np.bincount(which, weight), 1e-12))[which]
    return limited


def _numbered(values: Longs) -> tuple[Longs, Longs]:
    """The distinct values, sorted, and which of them each one is. Not np.unique: that takes several times as long."""
    order = np.argsort(values, kind="stable")
    new = np.ones(len(values), np.bool_)
    new[1:] = values[order][1:] != values[order][:-1]
    which = np.empty(len(values), np.int64)
    which[order] = np.cumsum(new) - 1
    return values[order][new], which
