"""Makes tracker/agents/agents.tsv: the programs that read pages, by what their user agents have in them.

    python tools/agents.py robots.json

``robots.json`` is that of https://github.com/ai-robots-txt/ai.robots.txt; crawler-user-agents is installed with Dangol.
What operators document themselves (tools/agents_known.tsv) comes first.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

HERE = Path(__file__).parent
MADE = HERE.parent / "tracker" / "agents" / "agents.tsv"
HEAD = """\
# Programs that read pages. Made by tools/agents.py on {day} from
# - what operators document of their own agents (tools/agents_known.tsv)
# - ai.robots.txt, https://github.com/ai-robots-txt/ai.robots.txt, MIT licence, (c) 2024 ai.robots.txt
# - crawler-user-agents {version}, https://github.com/monperrus/crawler-user-agents, MIT licence, (c) Martin Monperrus
# The first part that a user agent has in it tells the agent.
# Columns: a part of the user agent, in lower case; name; operator; kind; "sure" where the part alone tells an agent.
"""
KINDS_OF_TAGS = {
    "search-engine": "search",
    "social-preview": "preview",
    "monitoring": "monitoring",
    "seo": "seo",
}
NO_AGENTS = frozenset(
    {
        "google-extended",
        "applebot-extended",
        "webzio-extended",
        "spider",
        "ap3a.240617.008",
        "metaiab facebook",
    }
)
"""Names that stand in robots.txt only, under which nothing fetches, and what people's phones have."""
SURE = frozenset({"assistant", "ai-search", "ai-training", "kakaotalk-scrap", "line-poker", "Blueno"})
"""Kinds and parts that no person's browser has. Of the others crawler-user-agents must say that they are crawlers."""
DIRECTORIES = frozenset({"datadome.co", "knownagents.com", "github.com", "udger.com", "whatismybrowser.com"})
"""Hosts that describe others' crawlers: they are nobody's operators."""
TELLING = ("bot", "crawl", "spider", "-user", "fetcher", "scraper")
"""What a name of ai.robots.txt must have in it: it lists "Code", "Cursor" and "Operator" as well."""
_LITERAL = re.compile(r"[\w \-./+:@!,]{4,60}")
_LINK = re.compile(r"\[([^\]]{1,80})\]")


class Agent(NamedTuple):
    part: str
    name: str
    operator: str
    kind: str
    sure: bool


def main(robots: Path) -> None:
    found: dict[str, Agent] = {}
    for agent in (
        *known(),
        *of_robots(json.loads(robots.read_text())),
        *of_crawlers(CRAWLER_USER_AGENTS_DATA),
    ):
        if agent.part not in NO_AGENTS:
            found.setdefault(agent.part.strip(" /;:,+-"), agent)
    ordered = sorted(
        found.values(), key=lambda agent: (_vague(agent), agent.kind == "other", -len(agent.part), agent.part)
    )
    head = HEAD.format(day=datetime.now(UTC).date(), version=version("crawler-user-agents"))
    lines = ("\t".join((*agent[:4], "sure" * agent.sure)) for agent in ordered)
    MADE.write_text(head + "\n".join(lines) + "\n")
    sys.stdout.write(f"{len(found)} agents in {MADE}\n")


def _vague(agent: Agent) -> int:
    """Parts that others' user agents have in them as well come last: libraries, addresses, copied names."""
    if agent.part == "facebookexternalhit" or (not agent.operator and agent.kind == "other"):
        return 2
    return int("." in agent.part or "/" in agent.part[:-1])


def known() -> Iterator[Agent]:
    for line in (HERE / "agents_known.tsv").read_text().splitlines():
        if not line.startswith("#"):
            part, name, operator, kind = line.split("\t")
            yield Agent(
                part.lower(), name or part, operator.removeprefix("any"), kind, kind in SURE or part in SURE
            )


def of_robots(listed: dict[str, Any]) -> Iterator[Agent]:
    for name, about in listed.items():
        part = name.lower().partition("/")[0]
        if len(part) >= 6 and any(each in part for each in TELLING):
            operator = _LINK.search(about["operator"])
            yield Agent(
                part, name.partition("/")[0], operator[1] if operator else "", _kind(about["function"]), True
            )


def _kind(function: str) -> str:
    if "Assistant" in function or "Agent" in function:
        return "assistant"
    return "ai-search" if "search" in function.lower() else "ai-training"


def of_crawlers(listed: list[dict[str, Any]]) -> Iterator[Agent]:
    """Those whose pattern is a plain text; the others have names of known agents, or are named by their own words."""
    for each in listed:
        text = re.sub(r"\\(.)", r"\1", each["pattern"].removeprefix("^"))
        if not _LITERAL.fullmatch(text):
            continue
        name = text.strip(" /;:").partition("; ")[0]
        host = (urlsplit(each.get("url", "")).hostname or "").removeprefix("www.")
        host = "" if host in DIRECTORIES else host
        tags = each.get("tags", ())
        if "ai-crawler" in tags:
            kind = "ai-search" if "search-engine" in tags else "ai-training"
        else:
            kind = next((KINDS_OF_TAGS[tag] for tag in tags if tag in KINDS_OF_TAGS), "other")
        yield Agent(text.lower(), name, host, kind, False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
