"""What the law wants people to be told of their consent, and by when: as events that a service campaign can answer.

Korea: what became of a yes or a no within 14 days, and every two years whether the yes still stands.
"""

from collections.abc import Iterator

import msgspec

from messages.permission.gate import countries_of
from profiles.consent.law.korea import reconfirm_by, tell_result_by
from profiles.consent.record import standing
from profiles.model import Consent, Profile
from tracker.durations import DAY_MS

RESULT, RECONFIRM = "Consent Result Due", "Consent Reconfirmation Due"
AHEAD_MS = 30 * DAY_MS
"""How long before the two years are over the person is asked."""
COUNTRIES = frozenset({"KR"})


class Notice(msgspec.Struct, frozen=True):
    """``name`` is the event's, ``by`` (ms) until when the person has to be told, ``answer`` what they said."""

    name: str
    by: int
    answer: Consent


def due_notices(profile: Profile, now: int) -> Iterator[Notice]:
    """What has to be told as of ``now`` (ms), and was not asked for since. The newest answer of each kind is enough."""
    if not COUNTRIES & set(countries_of(profile)):
        return
    said = [one for one in standing(profile).values() if one.purpose == "marketing" and one.given_at]
    newest = max(said, key=lambda one: one.given_at, default=None)
    if newest and _since(profile, RESULT) < newest.given_at and now <= tell_result_by(newest):
        yield Notice(RESULT, tell_result_by(newest), newest)
    for one in said:
        by = reconfirm_by(one)
        if one.given and by - AHEAD_MS <= now < by and _since(profile, RECONFIRM) < by - 2 * AHEAD_MS:
            yield Notice(RECONFIRM, by, one)
            return


def _since(profile: Profile, name: str) -> int:
    found = profile.event_counts.get(name)
    return found.last if found else 0
