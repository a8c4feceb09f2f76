"""The law on messages once more, from the texts of the statutes, as tables: it shares nothing with the rules.

Each row of STATUTES is one provision: the countries and channels that it is about, and what it wants. A message is
unlawful if a provision that is about it is not met. Clocks are computed from a hand-written table of offsets and from
the dates on which they change, not from the time zone database.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple


class Told(NamedTuple):
    """One answer: minutes, whether yes, scope, and what is written down of it."""

    at: int
    yes: bool
    channel: str
    topic: str
    night: bool
    written: bool
    confirmed: bool


class Case(NamedTuple):
    """A message as the statutes see it. Times are minutes since the epoch."""

    countries: tuple[str, ...]
    clocks: tuple[str, ...]
    channel: str
    topic: str
    advertising: bool
    at: int
    answers: tuple[Told, ...]
    bought: int | None
    same_kind: bool


EEA = frozenset("AT BE DE DK ES FI FR IE IT NL PL SE CH GB".split())  # noqa: SIM905
ELECTRONIC = frozenset({"email", "sms", "kakao", "push", "call", "webhook"})
TELEPHONE = frozenset({"sms", "kakao", "push", "call", "webhook"})
SUMMER_US = [
    ("2025-03-09T02", "2025-11-02T02"),
    ("2026-03-08T02", "2026-11-01T02"),
    ("2027-03-14T02", "2027-11-07T02"),
]
OFFSETS: dict[str, tuple[int, int]] = {
    "Asia/Seoul": (540, 540),
    "Asia/Tokyo": (540, 540),
    "Asia/Kolkata": (330, 330),
    "Asia/Dubai": (240, 240),
    "UTC": (0, 0),
    "Africa/Johannesburg": (120, 120),
    "Asia/Shanghai": (480, 480),
    "Asia/Urumqi": (360, 360),
    "America/New_York": (-300, -240),
    "America/Chicago": (-360, -300),
    "America/Denver": (-420, -360),
    "America/Phoenix": (-420, -420),
    "America/Los_Angeles": (-480, -420),
    "America/Anchorage": (-540, -480),
    "America/Adak": (-600, -540),
    "Pacific/Honolulu": (-600, -600),
}
CLOCKS = {
    "KR": ("Asia/Seoul",),
    "JP": ("Asia/Tokyo",),
    "IN": ("Asia/Kolkata",),
    "AE": ("Asia/Dubai",),
    "": ("UTC",),
    "ZA": ("Africa/Johannesburg",),
    "CN": ("Asia/Shanghai", "Asia/Urumqi"),
    "US": tuple(name for name in OFFSETS if name.startswith("America/") or name == "Pacific/Honolulu"),
}


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local_minute(clock: str, at: int) -> int:
    """The minutes since midnight that the clock shows."""
    winter, summer = OFFSETS[clock]
    standard = EPOCH + timedelta(minutes=at + winter)
    inside = any(moment(start) <= standard < moment(end) - timedelta(hours=1) for start, end in SUMMER_US)
    shown = standard + timedelta(minutes=summer - winter) if inside else standard
    return shown.hour * 60 + shown.minute


def dark(clocks: Iterable[str], at: int) -> bool:
    """Before eight or from nine in the evening, anywhere that the person may be."""
    return any(not 8 * 60 <= local_minute(each, at) < 21 * 60 for each in clocks)


def months_later(at: int, months: int) -> int:
    """The same day so many months later, or the month's last; in minutes."""
    day = EPOCH + timedelta(minutes=at)
    year, month = divmod(day.month - 1 + months, 12)
    last = (
        datetime(day.year + year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)
    ).day
    moved = day.replace(year=day.year + year, month=month + 1, day=min(day.day, last))
    return int((moved - EPOCH).total_seconds() // 60)


def standing(case: Case) -> tuple[str, list[Told]]:
    """Whether yes, no or nothing holds, and the yeses: the answers are replayed as they were given. A no ends every yes
    that it is about; a yes lifts a no that is about the same or more."""
    yeses, noes = list[Told](), list[Told]()
    about = [
        each for each in case.answers if each.channel in ("", case.channel) and each.topic in ("", case.topic)
    ]
    for told in sorted(about, key=lambda each: (each.at, not each.yes)):
        same = (told.channel, told.topic)
        if told.yes:
            noes = [
                each
                for each in noes
                if each.channel not in ("", told.channel) or each.topic not in ("", told.topic)
            ]
            yeses.append(told)
        else:
            yeses = []
            noes = [*(each for each in noes if (each.channel, each.topic) != same), told]
    return ("no" if noes else "yes" if yeses else "nothing"), yeses if not noes else []


def agreed(case: Case, wants: Callable[[Told], bool] = lambda _: True) -> bool:
    """Whether the sender can show a yes that holds."""
    return any(each.written and wants(each) for each in standing(case)[1])


def sold(case: Case, months: int | None) -> bool:
    if case.bought is None or not case.same_kind:
        return False
    return months is None or case.bought <= case.at < months_later(case.bought, months)


class Provision(NamedTuple):
    name: str
    country: Callable[[str], bool]
    channels: frozenset[str]
    met: Callable[[Case, str], bool]


ALL = ELECTRONIC | {"post"}
KNOWN = EEA | {"KR", "US"}
STATUTES: Sequence[Provision] = (
    Provision("KR 50(1): prior consent, or goods of the same kind within six months", "KR".__eq__, ELECTRONIC,
              lambda case, _: agreed(case) or sold(case, 6)),
    Provision("KR 50(2): nothing against a refusal", "KR".__eq__, ALL, lambda case, _: standing(case)[0] != "no"),
    Provision("KR 50(3): 21 to 8 o'clock by a consent of its own, but for mail", "KR".__eq__, TELEPHONE,
              lambda case, _: not dark(["Asia/Seoul"], case.at) or agreed(case, lambda each: each.night)
              or any(each.night for each in standing(case)[1])),
    Provision("KR 50(8): asked again within two years", "KR".__eq__, ELECTRONIC,
              lambda case, _: sold(case, 6) or agreed(case, lambda each: case.at < months_later(each.at, 24))),
    Provision("EU 13(1), (2): consent, or own similar products", EEA.__contains__, ELECTRONIC - {"call"},
              lambda case, where: agreed(case, lambda each: each.confirmed or case.channel != "email"
                                         or where not in ("DE", "AT", "CH")) or sold(case, None)),
    Provision("EU 13(3): calls by consent", EEA.__contains__, frozenset({"call"}), lambda case, _: agreed(case)),
    Provision("EU GDPR 21(3): nothing against an objection", EEA.__contains__, ALL,
              lambda case, _: standing(case)[0] != "no"),
    Provision("US CAN-SPAM 5(a)(4): nothing after an objection", "US".__eq__, ALL,
              lambda case, _: standing(case)[0] != "no"),
    Provision("US TCPA 64.1200(a): consent before messages to a telephone", "US".__eq__, TELEPHONE,
              lambda case, _: agreed(case)),
    Provision("US TCPA 64.1200(c)(1): 8 to 21 o'clock there", "US".__eq__, TELEPHONE,
              lambda case, _: not dark(case.clocks, case.at)),
    Provision("elsewhere: consent", lambda where: where not in KNOWN, ALL, lambda case, _: agreed(case)),
    Provision("elsewhere: by day, or with a consent for the night", lambda where: where not in KNOWN, TELEPHONE,
              lambda case, _: not dark(case.clocks, case.at) or any(each.night for each in standing(case)[1])),
)  # fmt: skip


def broken(case: Case) -> list[str]:
    """The provisions that the message would break."""
    if not case.advertising:
        return []
    return [
        row.name
        for where in case.countries or ("",)
        for row in STATUTES
        if row.country(where) and case.channel in row.channels and not row.met(case, where)
    ]


def clocks_of(countries: Sequence[str], own: str) -> tuple[str, ...]:
    """Where the person's clock may stand."""
    found: list[Any] = [own] if own else [clock for each in countries for clock in CLOCKS.get(each, ())]
    return tuple(dict.fromkeys(found)) or ("UTC",)
