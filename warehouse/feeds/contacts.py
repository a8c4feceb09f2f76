"""The contacts of one person outside of the site: calls, visits, letters, complaints, the latest first."""

from dataclasses import dataclass

from warehouse.definitions.event_order import LATEST_FIRST
from warehouse.events import Events
from warehouse.question.scope import Scope

CONTACT_NAMES = ("Call", "Store Visit", "Letter", "Complaint", "E-mail", "Chat", "Contact")
SOLVED = ("solved", "resolved", "closed", "해결", "처리완료")
"""Outcomes that close the complaints before them."""

_NAMES = ", ".join(f"'{name}'" for name in CONTACT_NAMES)
_CONTACTS = f"""
select ts, name, coalesce(props ->> '$.direction', '') as direction, coalesce(props ->> '$.topic', '') as topic,
       coalesce(props ->> '$.outcome', '') as outcome, coalesce(props ->> '$.note', '') as note,
       coalesce(props ->> '$.agent', '') as agent, try_cast(props ->> '$.duration' as bigint) as duration
from events where type = 'track' and name in ({_NAMES}) order by {LATEST_FIRST} limit $most
"""


@dataclass(frozen=True, slots=True)
class ContactMade:
    """``duration`` in seconds; ``open``: a complaint that no later contact solved."""

    ts: int
    name: str
    direction: str
    topic: str
    outcome: str
    note: str
    agent: str
    duration: int | None
    open: bool = False


def contacts(events: Events, site: str, profile: str, start: int, most: int = 50) -> list[ContactMade]:
    """Of the person now known as ``profile`` since ``start`` (ms). Raises WarehouseUnavailable."""
    rows = events.rows(_CONTACTS, Scope(site, start, bots=True, person=profile), {"most": most})
    made, solved = [], False
    for row in rows:
        solved = solved or row["outcome"].strip().lower() in SOLVED
        made.append(ContactMade(**row, open=row["name"] == "Complaint" and not solved))
    return made
