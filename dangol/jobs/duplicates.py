"""Duplicate accounts by e-mail: merges accounts of a site for which the site itself named the same address.

Only for sites that say so (``merge_email``). A browser never decides it, proven or not: its customer could name the
address of somebody else, and would read their data.
"""

import time
from collections.abc import Callable
from hashlib import blake2b

from profiles.fold.merges import LOG_KEY, merging
from profiles.model import Profile
from profiles.store.person import people_by_id
from profiles.store.port import ProfileStore
from tracker.event import encode
from tracker.log.port import EventLog, Record
from tracker.sites import Site
from warehouse.events import Events
from warehouse.question.scope import Scope

MOST = 4
"""An address of more accounts is the shop's own, or a made-up one."""

# ``profile`` is who the account belongs to now: accounts that were merged are one already.
_SAME = """
select email, list(distinct profile order by profile) as people from (
    select profile, "user", arg_max(lower(trim(traits ->> '$.email')), received) as email
    from events where type = 'identify' and sender = 'site' and "user" is not null
    and traits ->> '$.email' like '%_@_%' group by profile, "user")
group by email having count(distinct profile) between 2 and $most order by email
"""


class Duplicates:
    """Appends the merges to the event log. Raises WarehouseUnavailable, ProfilesUnavailable, LogUnavailable."""

    def __init__(
        self, warehouse: Events, profiles: ProfileStore, log: EventLog, clock: Callable[[], float] = time.time
    ) -> None:
        self.warehouse, self.profiles, self.log, self.clock = warehouse, profiles, log, clock

    def run(self, site: Site) -> int:
        """How many accounts are merged into others: the one that was seen first stays. What somebody has separated by
        hand is not merged again."""
        if not site.merge_email:
            return 0
        merges = 0
        for row in self.warehouse.rows(_SAME, Scope(site.id, bots=True), {"most": MOST}):
            found = people_by_id(self.profiles, site.id, row["people"])
            people = {each.id: each for each in found.values() if each.user and each.proven}
            first, *others = sorted(people.values(), key=lambda one: (one.first_seen, one.id)) or [
                Profile("")
            ]
            if any(self._separated(site.id, each) for each in people.values()):
                continue
            for other in others:
                self._tell(site.id, other, first)
            merges += len(others)
        return merges

    def _separated(self, site: str, person: Profile) -> bool:
        known = self.profiles.load(site, [person.id])[person.id].profile
        return known is None or (known.merged.at > 0 and not known.merged.into)

    def _tell(self, site: str, one: Profile, into: Profile) -> None:
        identity = blake2b(f"{site}\0{one.id}\0{into.id}".encode(), digest_size=16).hexdigest()
        event = merging(site, f"merge-{identity}", int(self.clock() * 1000), one.id[2:], into.id[2:])
        self.log.append([Record(f"{site}:{LOG_KEY}", encode(event))])
