"""What a server's reply means for a mail: come again, refused, or refused for good. Pure functions."""

import re
from typing import Literal

from messages.email.mime import clean
from messages.message import NotSent, Outcome

Step = Literal["connection", "sender", "recipient", "data"]
RETRY_SECONDS = {"connection": 60.0, "sender": 300.0, "recipient": 300.0, "data": 300.0}
"""A server that defers mails of strangers (greylisting) takes them after some minutes."""
REASON_LIMIT = 200
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")
_DEAD = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
"""Enhanced status codes (RFC 3463) that say that an address does not exist, or takes no mail any more."""
_NO_SUCH = {550, 551, 553, 556}


def outcome_of(step: Step, code: int, reply: str) -> Outcome:
    """Of a reply that is no success. Raises NotSent where the server says to come again, or would not talk to us at
    all: then every mail would be refused."""
    reason = f"{code} {clean(reply)}"[:REASON_LIMIT].strip()
    if step == "connection" or not 500 <= code < 600:
        raise NotSent(reason, RETRY_SECONDS["connection" if code == 421 else step])
    return Outcome(handed_over=False, reason=reason, permanent=permanent(step, code, reply))


def permanent(step: Step, code: int, reply: str) -> bool:
    """Whether the address takes no mail at all. A refusal of the content, of us, or of a full mailbox says nothing of
    that."""
    found = _ENHANCED.match(reply.strip())
    if found:
        return found[1] == "5" and f"{int(found[2])}.{int(found[3])}" in _DEAD
    return step == "recipient" and code in _NO_SUCH
