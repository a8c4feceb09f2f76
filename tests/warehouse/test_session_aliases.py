"""Sessions in queries are those of the profiles, whatever late events did to them after rows were stored."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.fold.sessions import Hit, place
from profiles.ids import owner_of, session_id
from profiles.model import Session
from profiles.session_rules import SessionRules
from tests.support.warehouse_rows import NOON, row
from tracker.durations import MINUTE_MS
from warehouse.delta import AliasRow, Warehouse
from warehouse.question.scope import Scope

ALL = Scope("default")
OWNER = owner_of("default", "a1")


def sessions(warehouse: Warehouse) -> Counter[str]:
    found = warehouse.engine.rows("select session from events", ALL)
    return Counter(each["session"] for each in found)


def id_at(minutes: float) -> str:
    return session_id(OWNER, NOON + int(minutes * MINUTE_MS))


def stored(warehouse: Warehouse, hits: list[Hit], rules: SessionRules) -> list[Session]:
    """The rows and renames that a worker stores of these hits; the sessions of the profile."""
    known: list[Session] = []
    rows, said = [], []
    for number, hit in enumerate(hits):
        placed = place(known, OWNER, hit, rules)
        rows.append(row(hit.ts, id=f"e{number}", session=placed.session.id))
        said += [AliasRow("default", "session", old, new, number) for old, new in placed.renamed]
    warehouse.append(rows, said, {})
    return known


def hit(minutes: float, key: str = "") -> Hit:
    return Hit(NOON + int(minutes * MINUTE_MS), key)


def test_rows_stored_before_a_late_campaign_split_their_session_are_in_the_new_one(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    stored(warehouse, [hit(0), hit(10), hit(12), hit(5, "spring")], SessionRules())
    assert sessions(warehouse) == {id_at(0): 1, id_at(5): 3}
    by_type = warehouse.engine.rows(
        "select count(distinct session) as n from events where type = 'page'", ALL
    )
    assert by_type == [{"n": 2}]


def test_a_session_that_was_cut_out_and_became_part_of_another_takes_its_rows_along(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    late = [hit(0), hit(12), hit(10, "spring"), hit(7, "spring")]
    stored(warehouse, late, SessionRules())
    assert sessions(warehouse) == {id_at(0): 1, id_at(7): 3}


def test_sessions_that_sources_named_and_those_of_other_owners_are_left_alone(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    stored(warehouse, [hit(0), hit(12), hit(5, "spring")], SessionRules())
    others = [f"{OWNER}-abcdef", "bbbbbbbb1a2b", ""]
    warehouse.append([row(NOON + 8 * MINUTE_MS, id=name, session=name) for name in others], [], {})
    assert sessions(warehouse) == {id_at(0): 1, id_at(5): 2, **dict.fromkeys(others, 1)}


RULES = {"campaigns": SessionRules(), "short": SessionRules(timeout=20 * MINUTE_MS, longest=90 * MINUTE_MS)}
HITS = st.lists(
    st.builds(hit, st.integers(0, 16).map(lambda n: n * 7.5), st.sampled_from(["", "", "spring", "gclid:1"])),
    min_size=2,
    max_size=9,
)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hits=HITS)
def test_queries_see_the_sessions_of_the_profile(
    tmp_path_factory: pytest.TempPathFactory, rules: SessionRules, hits: list[Hit]
) -> None:
    warehouse = Warehouse(str(tmp_path_factory.mktemp("names")))
    known = stored(warehouse, hits, rules)
    assert sessions(warehouse) == {session.id: session.events for session in known}
    warehouse.engine.close()
