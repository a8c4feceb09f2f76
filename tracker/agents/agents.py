"""Who reads pages as a program: AI assistants and crawlers, search engines, link previews, monitors, by their names.

The list (``agents.tsv``) is made by ``tools/agents.py``. A user agent is what a client says of itself: anybody may say
that they are Googlebot.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

KINDS = ("assistant", "ai-search", "ai-training", "search", "preview", "seo", "monitoring", "other")
NAME_CHARACTERS = 60
WORDS = ("bot", "crawl", "spider", "fetch", "scrap", "monitor", "archiv")
"""What programs that read pages have in their names."""
_BROWSERS = ("Mozilla/", "Opera/")
_SHOPS = ("wordpress/", "shopware", "magento", "prestashop", "shopify")
"""Shop systems. Some of them are listed, since they also fetch previews of other sites' pages."""


class Agent(NamedTuple):
    """``kind`` is one of KINDS; ``operator`` is "" where nobody knows."""

    name: str
    operator: str = ""
    kind: str = "other"


class _Listed(NamedTuple):
    """Agents by a part of their user agents in lower case, the telling ones first: "googlebot-image" before
    "googlebot". Of ``sure`` the part alone tells an agent; of all others something else must tell it first."""

    all: tuple[tuple[str, Agent], ...]
    sure: tuple[tuple[str, Agent], ...]


@cache
def _listed() -> _Listed:
    lines = files(__package__).joinpath("agents.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    made = [(row[0], Agent(row[1], row[2], row[3])) for row in rows]
    sure = (each for each, row in zip(made, rows, strict=True) if row[4])
    return _Listed(tuple(made), tuple(sure))


@cache
def known_agents() -> Mapping[str, Agent]:
    """The listed agents by their names."""
    return {agent.name: agent for _, agent in _listed().all}


def sure_agent(ua: str) -> Agent | None:
    """The agent that ``ua`` alone tells; None for people's browsers, and for crawlers that a list must recognise."""
    text = ua.lower()
    return next((agent for part, agent in _listed().sure if part in text), None)


def names_browser(ua: str) -> bool:
    """Whether a user agent is a browser's, or begins as all of theirs do."""
    return ua.startswith(_BROWSERS)


def names_library(ua: str) -> bool:
    """Whether a user agent is that of a program through which somebody's server or app asks (python-requests, Guzzle,
    node-fetch, the shop's own): it says nothing about the visitor. A listed crawler's does."""
    if not ua or names_browser(ua):
        return False
    text = ua.lower()
    if text.startswith(_SHOPS):
        return True
    return all(agent.kind == "other" for part, agent in _listed().all if part in text)


def agent_name(ua: str) -> str:
    """The name of the program behind ``ua``, listed or its own; "" where it has none and looks like a browser's."""
    text = ua.lower()
    for part, agent in _listed().all:
        if part in text:
            return agent.name
    words = (
        ua.replace("(", " ").replace(")", " ").replace(";", " ").replace("/", " ").replace(",", " ").split()
    )
    own = next(
        (word for word in words if any(each in word.lower() for each in WORDS) and "." not in word), ""
    )
    if not own and words and not names_browser(ua):
        own = words[0]
    return own[:NAME_CHARACTERS]
