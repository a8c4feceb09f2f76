"""What a returned mail says: a bounce (RFC 3464, or what flufl.bounce reads of others) or a complaint (ARF, RFC 5965).

Whose mail it was is read from the return path that it was sent to and from our mark in the headers that it returns.
Both are signed: nobody else's address can be suppressed by a mail that somebody made up. Pure functions.
"""

import re
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Literal

import msgspec
from flufl.bounce import all_failures

from messages.email.letter import MARK_HEADER
from messages.email.marks import MailMark, MailMarks, MarkInvalid
from messages.email.mime import clean
from messages.email.smtp.replies import permanent

SIZE_LIMIT = 1024 * 1024
PARTS_LIMIT = 100
_RECEIVERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_STATUS = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})")
Kind = Literal["bounce", "delay", "complaint"]


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """``hard``: the address takes no mail at all. ``mark`` is None where the mail's headers were not returned."""

    kind: Kind
    site: str
    digest: str
    hard: bool = False
    reason: str = ""
    mark: MailMark | None = None


def read(data: bytes, marks: MailMarks, sites: Iterable[str]) -> Returned | None:
    """None for a mail that is neither, or that is about none of ours."""
    known = tuple(sites)
    try:
        mail = BytesParser(policy=compat32).parsebytes(data[:SIZE_LIMIT])
        parts = list(_parts(mail))
        complaint = _complaint(parts)
        mark = _mark(data[:SIZE_LIMIT], marks, known)
        path = mark and (mark.site, mark.digest)
        path = path or _return_path(mail, parts, marks, known)
        if path is None:
            return None
        if complaint is not None:
            return Returned(kind="complaint", site=path[0], digest=path[1], reason=complaint, mark=mark)
        return _bounce(mail, parts, path, mark)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # no parser of mail stands everything that is sent


def _bounce(
    mail: Message, parts: list[Message], path: tuple[str, str], mark: MailMark | None
) -> Returned | None:
    action, status, diagnostic = _status(parts)
    if action:
        failed = action == "failed"
        code = re.search(r"\b([45]\d\d)\b", diagnostic)
        hard = failed and permanent("recipient", int(code[1]) if code else 550, status or diagnostic)
    else:
        later, failures = _failures(mail)
        if not later and not failures:
            return None
        failed = hard = bool(failures)
    reason = clean(f"{status} {diagnostic}")[:200].strip()
    kind: Kind = "bounce" if failed else "delay"
    return Returned(kind=kind, site=path[0], digest=path[1], hard=hard, reason=reason, mark=mark)


def _failures(mail: Message) -> tuple[frozenset[bytes], frozenset[bytes]]:
    try:
        later, failed = all_failures(mail)
        return frozenset(later), frozenset(failed)
    except Exception:  # its detectors meet what their authors did not
        return frozenset(), frozenset()


def _status(parts: Iterable[Message]) -> tuple[str, str, str]:
    """The action, the status and the diagnostic of a delivery status; empty without one."""
    for part in parts:
        action = str(part.get("Action") or "").strip().lower()
        if action:
            status = _STATUS.match(str(part.get("Status") or "").strip())
            diagnostic = clean(str(part.get("Diagnostic-Code") or "")).partition(";")[2].strip()
            return action, status[0] if status else "", diagnostic
    return "", "", ""


def _complaint(parts: Iterable[Message]) -> str | None:
    """The type of feedback, but for that which says that a mail was no spam."""
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            told = _text(part)
            found = re.search(r"(?im)^feedback-type:\s*([\w-]+)", told)
            kind = found[1].lower() if found else "abuse"
            return None if kind == "not-spam" else kind
    return None


def _mark(data: bytes, marks: MailMarks, sites: tuple[str, ...]) -> MailMark | None:
    """Wherever it stands: some servers return the headers as a part, others quote them in a text."""
    name = MARK_HEADER.encode()
    for found in re.finditer(
        rb"(?im)^[> ]{0,8}" + name + rb":[ \t]*([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)", data
    ):
        try:
            mark = marks.read(b"".join(found[1].split()).decode("ascii"))
        except (MarkInvalid, UnicodeError):
            continue
        if mark.site in sites:
            return mark
    return None


def _return_path(
    mail: Message, parts: Iterable[Message], marks: MailMarks, sites: tuple[str, ...]
) -> tuple[str, str] | None:
    told = [str(value) for name in _RECEIVERS for value in mail.get_all(name) or ()]
    told += [_text(part) for part in parts if part.get_content_type() == "message/feedback-report"]
    for address in re.findall(r"[\w.+-]{1,80}@[\w.-]{1,255}", " ".join(told)[:20_000]):
        if found := marks.returned(address, sites):
            return found
    return None


def _text(part: Message) -> str:
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n".join(each.as_string() for each in payload if isinstance(each, Message))
    return str(payload)


def _parts(mail: Message) -> Iterator[Message]:
    for count, part in enumerate(mail.walk()):
        if count >= PARTS_LIMIT:
            return
        yield part
