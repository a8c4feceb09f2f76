"""What comes back of a mail: opened, clicked, bounced, marked as spam. It goes into the event log like anything that a
visitor does, and an address that takes no mail, or a person who calls it spam, is suppressed first."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from messages.email.marks import MailMark, MailMarks, MarkInvalid
from messages.email.returned import Returned, read
from messages.permission.suppression import SuppressionList
from profiles.consent.rules import allows
from profiles.model import Profile
from profiles.store.lookup import find
from profiles.store.port import ProfileStore
from tracker.durations import HOUR_MS
from tracker.event import SITE, Event, encode
from tracker.log.port import EventLog, Record
from tracker.sites import Sites


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAnswers:
    """Raises what the stores raise when they do not answer."""

    marks: MailMarks
    suppressed: SuppressionList
    profiles: ProfileStore
    log: EventLog
    sites: Sites
    clock: Callable[[], float]

    def opened(self, signed: str) -> bool:
        """Whether it was one of our mails. Programs of mail load a picture again and again: it counts once an hour."""
        try:
            mark = self.marks.read(signed)
        except MarkInvalid:
            return False
        self._tell(mark, "Email Opened", {}, once=str(self._now() // HOUR_MS), purpose=True)
        return True

    def clicked(self, signed: str, target: str, signature: str) -> bool:
        """Whether the mail has a link to ``target``."""
        try:
            mark = self.marks.read(signed)
        except MarkInvalid:
            return False
        if not self.marks.leads(signed, target, signature):
            return False
        once = f"{target} {self._now() // HOUR_MS}"
        self._tell(mark, "Email Link Clicked", {"url": target}, once=once, purpose=True)
        return True

    def returned(self, data: bytes, sites: Collection[str]) -> Returned | None:
        """A mail of one of these sites that came back. First the address is suppressed, so that a crash in between
        still stops messages."""
        told = read(data, self.marks, sites)
        if told is None:
            return None
        if told.kind == "complaint":
            self.suppressed.add(told.site, told.digest, "complained", self._now())
        elif told.hard:
            self.suppressed.add(told.site, told.digest, "bounced", self._now())
        name = {"bounce": "Email Bounced", "complaint": "Email Marked as Spam"}.get(told.kind)
        if told.mark is not None and name:
            self._tell(told.mark, name, {"reason": told.reason, "hard": told.hard}, once=told.kind)
        return told

    def _tell(
        self, mark: MailMark, name: str, props: dict[str, Any], *, once: str, purpose: bool = False
    ) -> None:
        """``purpose``: only of somebody who still agrees to analytics."""
        site = self.sites.get(mark.site)
        profile = find(self.profiles, mark.site, mark.profile) if site else None
        if profile is None or (purpose and not allows(profile.consent, "analytics")):
            return
        event = answer_event(mark, profile, name, props, self._now(), once)
        if event.visitor or event.user:
            self.log.append([Record(event.key, encode(event))])

    def _now(self) -> int:
        return int(self.clock() * 1000)


def answer_event(
    mark: MailMark, profile: Profile, name: str, props: dict[str, Any], now: int, once: str
) -> Event:
    """It is no visit. The same ``once`` makes the same id, which counts once."""
    told = f"{mark.id} {name} {once}".encode("utf-8", "surrogatepass")
    more = {"message": mark.id, "campaign": mark.campaign, "variant": mark.variant, "token": mark.token}
    return Event(
        site=mark.site,
        id=f"mail-{blake2b(told, digest_size=16).hexdigest()}",
        type="track",
        name=name,
        visitor=None if profile.user else profile.visitors[-1] if profile.visitors else None,
        user=profile.user,
        proven=bool(profile.user),
        sender=SITE,
        ts=now,
        received=now,
        props={**more, "channel": "email", **props},
        source="api",
    )
