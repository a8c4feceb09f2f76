"""A site's own rules of channels, and the names that channels have."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from tracker.origins import parsed

CHANNELS = (
    *(
        "direct",
        "organic search",
        "paid search",
        "social",
        "paid social",
        "e-mail",
        "AI assistant",
        "display",
    ),
    *("affiliate", "video", "paid video", "shopping", "paid shopping", "audio", "SMS", "push"),
    *("referral", "campaign", "spam"),
)
"""How a visitor can have come. "campaign" is a tagged link of no known medium."""
CONDITIONS = ("host", "source", "medium", "campaign")
MOST_RULES, MOST_HOSTS, LONGEST_PATTERN = 200, 200, 200


class ChannelRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Arrivals that fulfil every condition that is given belong to ``channel``. A condition is compared without case:
    the whole text, or a pattern in which ``*`` stands for any characters. ``host`` is the referrer's, without www.
    ``as_source`` and ``as_medium``, where given, replace the arrival's own."""

    channel: str
    host: str = ""
    source: str = ""
    medium: str = ""
    campaign: str = ""
    as_source: str = ""
    as_medium: str = ""


def matches(pattern: str, text: str) -> bool:
    """Whether ``text`` is ``pattern``, in which ``*`` stands for any characters. Upper case makes no difference.

    >>> matches("*.shop.example", "EU.shop.example"), matches("shop.example", "eu.shop.example")
    (True, False)
    """
    first, *rest = _parts(pattern)
    text = text.lower()
    if not rest:
        return text == first
    if not text.startswith(first):
        return False
    place, last = len(first), rest.pop()
    for part in rest:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return len(text) - place >= len(last) and text.endswith(last)


@lru_cache(maxsize=1 << 12)
def _parts(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.lower().split("*"))


def parse_rule(text: str) -> ChannelRule:
    """A rule as a person writes it. Raises ValueError, which says what is wrong.

    >>> parse_rule("source=partner*, medium=cpc => affiliate, source=partners")
    ChannelRule(channel='affiliate', source='partner*', medium='cpc', as_source='partners')
    """
    given, arrow, result = text.partition("=>")
    channel, *renamed = (part.strip() for part in result.split(","))
    if not arrow:
        raise ValueError(f"{text[:100]!r} is no rule, such as: source=partner*, medium=cpc => affiliate")
    fields = dict(_fields(given.split(","), CONDITIONS))
    fields |= {f"as_{name}": value for name, value in _fields(renamed, ("source", "medium"))}
    rule = ChannelRule(channel=channel, **fields)
    if problem := _rule_refused(rule):
        raise ValueError(problem)
    return rule


def _fields(parts: Sequence[str], names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for part in parts:
        name, _, value = (each.strip() for each in part.partition("="))
        if name not in names or not value:
            raise ValueError(f"{part.strip()[:100]!r} is none of {', '.join(f'{each}=…' for each in names)}")
        yield name, value


def written(rule: ChannelRule) -> str:
    """The rule as ``parse_rule`` reads it."""
    given = ", ".join(f"{name}={value}" for name in CONDITIONS if (value := getattr(rule, name)))
    renamed = ((name, getattr(rule, f"as_{name}")) for name in ("source", "medium"))
    return f"{given} => {', '.join([rule.channel, *(f'{name}={value}' for name, value in renamed if value)])}"


def rules_refused(rules: Sequence[ChannelRule]) -> str:
    """What is wrong with a site's rules; "" when nothing is."""
    if len(rules) > MOST_RULES:
        return f"there are at most {MOST_RULES} channel rules"
    problems = ((number, _rule_refused(rule)) for number, rule in enumerate(rules, 1))
    return next((f"channel rule {number}: {problem}" for number, problem in problems if problem), "")


def _rule_refused(rule: ChannelRule) -> str:
    if rule.channel not in CHANNELS:
        return f"{rule.channel[:100]!r} is no channel; there are {', '.join(CHANNELS)}"
    values = [getattr(rule, name) for name in CONDITIONS]
    if not any(values):
        return f"it needs a condition: {', '.join(CONDITIONS[:-1])} or {CONDITIONS[-1]}"
    if any(len(value) > LONGEST_PATTERN for value in (*values, rule.as_source, rule.as_medium)):
        return f"a text has at most {LONGEST_PATTERN} characters"
    if not any(value.replace("*", "") for value in values):
        return "its conditions fit every arrival"
    if re.search(r"[/:@\s]", rule.host):
        return f"{rule.host[:100]!r} is no host, such as news.example or *.news.example"
    return ""


def hosts_refused(field: str, hosts: Sequence[str]) -> str:
    """What is wrong with a site's hosts in ``field``; "" when nothing is."""
    if len(hosts) > MOST_HOSTS:
        return f"{field} has at most {MOST_HOSTS} hosts"
    for host in hosts:
        if not plain_host(host):
            return f"{host[:100]!r} in {field} is no host, such as pay.example; it counts with all hosts below it"
    return ""


def plain_host(text: str) -> str:
    """A host as browsers send it, without ``*.`` and www., in lower case and Punycode; "" for anything else."""
    host = parsed(text.strip().removeprefix("*."))
    return "" if host is None or host.scheme or host.port else host.host.removeprefix("www.")
