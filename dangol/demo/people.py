"""The demo visitors: their tastes, patience, devices and traffic sources, drawn from a seed."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from dangol.shop.account import customer_id
from dangol.shop.catalogue import Catalogue

T = TypeVar("T")


class Device(NamedTuple):
    """``screen`` is width and height in pixels."""

    ua: str
    screen: tuple[int, int]


class Region(NamedTuple):
    """``networks`` begin addresses of access providers: a country, nobody's home."""

    locale: str
    timezone: str
    networks: tuple[str, ...]
    names: tuple[str, ...]


class Source(NamedTuple):
    """How a session begins. ``{words}`` in ``referrer`` is what was searched for; ``query`` is the first URL's."""

    name: str
    referrer: str = ""
    query: str = ""


class Manner(NamedTuple):
    """A way of shopping. ``sessions`` and ``products`` are the least and most; the rest are probabilities."""

    share: float
    sessions: tuple[int, int]
    products: tuple[int, int]
    bounce: float
    add: float
    check_out: float
    pay: float
    sign_in: float


@dataclass(frozen=True, slots=True)
class Person:
    """``devices`` pairs an anonymous id with a device; ``tastes`` are categories; ``thrift`` 0 (lavish) to 1."""

    manner: Manner
    tastes: tuple[str, ...]
    thrift: float
    region: Region
    ip: str
    devices: tuple[tuple[str, Device], ...]
    name: str
    email: str
    bot: bool

    @property
    def customer(self) -> str:
        return customer_id(self.email)


CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 {}Safari/537.36"
IOS = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 {} Safari/604.1"
WEIGHTED_DEVICES: tuple[tuple[int, Device], ...] = (
    (30, Device(IOS.format("iPhone; CPU iPhone OS 18_1 like Mac OS X", "Mobile/15E148"), (393, 852))),
    (18, Device(CHROME.format("Linux; Android 14; SM-S921N", "Mobile "), (384, 832))),
    (26, Device(CHROME.format("Windows NT 10.0; Win64; x64", ""), (1920, 1080))),
    (14, Device(CHROME.format("Macintosh; Intel Mac OS X 10_15_7", ""), (1512, 982))),
    (
        7,
        Device(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0", (1536, 864)
        ),
    ),
    (5, Device(IOS.format("iPad; CPU OS 17_7 like Mac OS X", "Mobile/15E148"), (820, 1180))),
)
BOTS: tuple[str, ...] = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; Yeti/1.1; +http://naver.me/spd)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
)
REGIONS: tuple[tuple[int, Region], ...] = (
    (
        50,
        Region(
            "ko-KR", "Asia/Seoul", ("211.36", "121.160", "175.223"), ("Kim", "Lee", "Park", "Choi", "Jung")
        ),
    ),
    (20, Region("de-DE", "Europe/Berlin", ("84.150", "91.12"), ("Weber", "Keller", "Vogt", "Brandt"))),
    (16, Region("en-US", "America/New_York", ("24.6", "73.15"), ("Miller", "Reyes", "Carter", "Nguyen"))),
    (8, Region("fr-FR", "Europe/Paris", ("82.64",), ("Moreau", "Petit", "Girard"))),
    (6, Region("ja-JP", "Asia/Tokyo", ("126.72",), ("Sato", "Tanaka", "Mori"))),
)
GIVEN = (
    "Mina",
    "Jisoo",
    "Hana",
    "Minho",
    "Ines",
    "Lena",
    "Noah",
    "Emil",
    "Ada",
    "Yuna",
    "Theo",
    "Clara",
    "Ren",
    "Sora",
)

SOURCES: tuple[tuple[int, Source], ...] = (
    (26, Source("direct")),
    (22, Source("google", "https://www.google.com/search?q={words}")),
    (16, Source("naver", "https://search.naver.com/search.naver?query={words}")),
    (
        9,
        Source(
            "google ads", "https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=autumn"
        ),
    ),
    (
        10,
        Source("newsletter", query="utm_source=newsletter&utm_medium=email&utm_campaign=weekend-letter"),
    ),
    (
        11,
        Source(
            "instagram",
            "https://l.instagram.com/",
            "utm_source=instagram&utm_medium=social&utm_campaign=window-shopping",
        ),
    ),
    (6, Source("blog", "https://slowthings.example/notes/shops-we-like")),
)
RETURNING = {"direct": 40, "newsletter": 30, "instagram": 10, "google": 10, "naver": 10}
"""How known visitors come back; a newsletter only reaches those."""

MANNERS: tuple[Manner, ...] = (
    Manner(0.50, (1, 1), (0, 2), 0.45, 0.02, 0.20, 0.5, 0.00),  # passes by
    Manner(0.30, (1, 3), (2, 6), 0.12, 0.06, 0.35, 0.6, 0.03),  # looks around
    Manner(0.13, (1, 3), (3, 7), 0.04, 0.20, 0.60, 0.8, 0.25),  # came to buy
    Manner(0.07, (3, 6), (3, 7), 0.00, 0.30, 0.85, 0.9, 1.00),  # a regular
)
BOT_SHARE = 0.02
SECOND_DEVICE = 0.3


def person(seed: int, number: int, catalogue: Catalogue) -> Person:
    """The visitor of that number. The same seed always gives the same visitor, however many others there are."""
    rng = random.Random(f"dangol:{seed}:{number}")
    bot = rng.random() < BOT_SHARE
    manner = rng.choices(MANNERS, [each.share for each in MANNERS])[0]
    region = _pick(rng, REGIONS)
    given, family = rng.choice(GIVEN), rng.choice(region.names)
    devices = [(_uuid(rng), Device(rng.choice(BOTS), (1024, 768)) if bot else _pick(rng, WEIGHTED_DEVICES))]
    if manner.sign_in == 1 and rng.random() < SECOND_DEVICE:
        devices.append((_uuid(rng), _pick(rng, WEIGHTED_DEVICES)))
    return Person(
        manner=manner,
        tastes=tuple(rng.sample(list(catalogue.categories), k=1 + (rng.random() < 0.5))),
        thrift=rng.random(),
        region=region,
        ip=f"{rng.choice(region.networks)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
        devices=tuple(devices),
        name=f"{given} {family}",
        email=f"{given}.{family}.{seed}-{number}@example.com".lower(),
        bot=bot,
    )


def came(rng: random.Random, first: bool) -> Source:
    """How one session begins."""
    if first:
        return _pick(rng, tuple(pair for pair in SOURCES if pair[1].name != "newsletter"))
    name = rng.choices(list(RETURNING), list(RETURNING.values()))[0]
    return next(source for _, source in SOURCES if source.name == name)


def _pick(rng: random.Random, weighted: Sequence[tuple[int, T]]) -> T:
    return rng.choices([value for _, value in weighted], [weight for weight, _ in weighted])[0]


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
