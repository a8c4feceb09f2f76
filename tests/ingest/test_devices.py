"""Devices, browsers and systems of people by their user agents and hints; the names of agents."""

from pathlib import Path

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from hypothesis import given
from hypothesis import strategies as st

from ingest.enrich.devices import NO_HINTS, PEOPLE, Device, Hints, device, hints_of
from tracker.agents.agents import KINDS, agent_name, known_agents
from tracker.http.client_hints import LIMIT, client_hints

TABLES = Path(__file__).parent / "user_agents"
HEADERS = {
    "brands": "HTTP_SEC_CH_UA",
    "platform": "HTTP_SEC_CH_UA_PLATFORM",
    "version": "HTTP_SEC_CH_UA_PLATFORM_VERSION",
}


def rows(name: str) -> list[list[str]]:
    lines = (TABLES / name).read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def told(hints: str, ua: str) -> Hints:
    """What the tracker and ingest make of the hints in a line of the table."""
    context: dict[str, object] = {}
    headers = {"HTTP_USER_AGENT": ua}
    for hint in filter(None, hints.split("|")):
        name, _, value = hint.partition("=")
        if name == "touch":
            context["touch"] = int(value)
        else:
            headers[HEADERS[name]] = value
    if found := client_hints(headers):
        context["hints"] = dict(found)
    return hints_of(context)


@pytest.mark.parametrize(("kind", "browser", "system", "hints", "ua"), rows("devices.tsv"))
def test_a_persons_device(kind: str, browser: str, system: str, hints: str, ua: str) -> None:
    found = device(ua, told(hints, ua))
    assert not found.bot and not found.agent
    assert (found.kind, *(each for each in (found.browser, found.os))) == (
        kind,
        found.browser if browser == "*" else browser,
        found.os if system == "*" else system,
    )


def test_the_table_of_devices_is_long_and_every_line_is_another() -> None:
    lines = {tuple(line) for line in rows("devices.tsv")}
    assert len(lines) == len(rows("devices.tsv")) >= 100


@pytest.mark.parametrize(("name", "kind", "ua"), rows("agents.tsv"))
def test_an_agent_has_its_name_and_kind(name: str, kind: str, ua: str) -> None:
    found = device(ua)
    assert found.bot or found.headless
    assert (found.agent, known_agents()[name].kind) == (name, kind)


def test_every_known_crawler_is_a_bot_with_a_name() -> None:
    unnamed = [
        text
        for each in CRAWLER_USER_AGENTS_DATA
        for text in each.get("instances", [])
        if not any(part in text for part in PEOPLE)
        if not (device(text).bot or device(text).headless) or not device(text).agent
    ]
    assert unnamed == []


def test_the_list_of_agents_is_whole() -> None:
    agents = known_agents().values()
    assert len(agents) > 1_000
    assert {agent.kind for agent in agents} == set(KINDS)
    assert all(agent.name == agent.name.strip() != "" for agent in agents)


@given(
    st.text(max_size=700),
    st.integers() | st.text(max_size=5),
    st.dictionaries(st.text(max_size=9), st.text()),
)
def test_any_user_agent_and_any_hints_make_some_device(ua: str, touch: object, hints: dict[str, str]) -> None:
    found = device(ua, hints_of({"touch": touch, "hints": hints}))
    assert isinstance(found, Device) and len(agent_name(ua)) <= 60


@given(*(st.text(max_size=2_000) for _ in range(4)))
def test_hints_are_short_whatever_headers_say(brands: str, platform: str, version: str, ua: str) -> None:
    headers = dict(zip(HEADERS.values(), (brands, platform, version), strict=True)) | {"HTTP_USER_AGENT": ua}
    found = client_hints(headers)
    assert set(found) <= {"brand", "platform", "version"}
    assert all(len(text) <= LIMIT and text.isascii() and text.isprintable() for text in found.values())


def test_most_browsers_say_nothing_beside_their_user_agent() -> None:
    brands = '"Not/A)Brand";v="8", "Chromium";v="126", "Google Chrome";v="126"'
    assert client_hints({"HTTP_SEC_CH_UA": brands, "HTTP_SEC_CH_UA_PLATFORM": '"Windows"'}) == {}
    assert client_hints({}) == {}
    assert hints_of({}) is NO_HINTS
