"""Placeholders sent as ids: the values that templates and scripts produce when nobody is signed in.

If a placeholder were accepted as an id, all visitors who are not signed in would become one customer.
"""

import re

import msgspec

from tracker.event import Event
from tracker.fields.losses import loss

LONGEST = 40
"""Characters. A longer id is no placeholder."""
_PLACEHOLDERS = frozenset(
    {
        *("", "undefined", "null", "none", "nil", "nan", "void", "false", "true", "0", "-1", "0.0"),
        *(
            "[object object]",
            "[object undefined]",
            "[object null]",
            "object object",
            "<nil>",
            "\\n",
            "()",
            "[]",
            "{}",
        ),
        *(
            "guest",
            "anonymous",
            "anon",
            "unknown",
            "unidentified",
            "notset",
            "not set",
            "not_set",
            "(not set)",
        ),
        *(
            "(none)",
            "(null)",
            "n/a",
            "not available",
            "not logged in",
            "logged out",
            "loggedout",
            "empty",
            "nobody",
        ),
        *(
            "user_id",
            "userid",
            "user id",
            "customer_id",
            "customerid",
            "your_user_id",
            "your-user-id",
            "distinct_id",
        ),
        *("anonymous_id", "anonymousid", "visitor_id", "visitorid", "게스트", "비회원", "익명"),
    }
)
_NUMBER = re.compile(r"-?[0-9]+([.][0-9]+)?")
_QUOTES = " \t\r\n\"'`"
_TEMPLATES = (("{{", "}}"), ("{%", "%}"), ("${", "}"), ("<%", "%>"), ("%%", "%%"), ("*|", "|*"), ("[[", "]]"))
_BEGINNINGS = tuple(begin for begin, _ in _TEMPLATES)


def placeholder(name: str | None) -> bool:
    """Whether ``name`` is a placeholder. None, an absent id, is not."""
    if name is None or len(name) > LONGEST:
        return False
    plain = name.strip(_QUOTES).lower()
    if plain in _PLACEHOLDERS or not plain.strip("0-.:"):
        return True
    if not plain.startswith(_BEGINNINGS):
        return False
    return any(plain.startswith(begin) and plain.endswith(end) for begin, end in _TEMPLATES)


def placeholder_word(name: str | None) -> bool:
    """Whether ``name`` is a placeholder and no number: data sets count their customers from 0."""
    return placeholder(name) and not _NUMBER.fullmatch(name or "")


def without_placeholders(event: Event) -> Event:
    """The event without ids that are placeholders. It may have neither visitor nor user then."""
    changed: dict[str, object] = {}
    lost = list(event.losses)
    if placeholder(event.user):
        changed |= {"user": None, "proven": False}
        lost.append(loss("user", "placeholder", event.user))
    if placeholder(event.visitor):
        changed["visitor"] = None
        lost.append(loss("visitor", "placeholder", event.visitor))
    previous = event.props.get("previousId") if event.type == "alias" else None
    if isinstance(previous, str) and placeholder(previous):
        changed["props"] = {name: value for name, value in event.props.items() if name != "previousId"}
        lost.append(loss("user", "placeholder", previous))
    return msgspec.structs.replace(event, **changed, losses=tuple(lost)) if changed else event
