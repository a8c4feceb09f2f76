"""The record of consent as rows of small numbers."""

from collections.abc import Mapping, Sequence

from profiles.model import Consent, Purpose

_PURPOSES: tuple[Purpose, ...] = ("analytics", "personalization", "marketing")
"""Their order is part of the format: new ones go last."""
_GIVEN, _ASKED_OF_NIGHT, _NIGHT, _TIMELESS, _PURPOSE = 1, 2, 4, 8, 4


def pack_consents(consents: Sequence[Consent], first: int, words: Mapping[str, int]) -> list[list[int]]:
    """The rows; times count from ``first`` (ms), texts are numbers of ``words``."""
    return [_row(one, first, words) for one in consents]


def unpack_consents(rows: Sequence[Sequence[int]], first: int, words: Sequence[str]) -> list[Consent]:
    """Raises IndexError and ValueError for rows that ``pack_consents`` did not make."""
    return [_consent(row, first, words) for row in rows]


def former(consent: Mapping[str, bool]) -> list[Consent]:
    """What earlier releases stored: a yes or no by purpose, without a time."""
    return sorted(
        (Consent(name, consent[name]) for name in _PURPOSES if name in consent),
        key=lambda one: (not one.given, one.purpose),
    )


def _row(one: Consent, first: int, words: Mapping[str, int]) -> list[int]:
    head = _PURPOSES.index(one.purpose) << _PURPOSE | one.given * _GIVEN
    head |= (
        (one.night is not None) * _ASKED_OF_NIGHT | bool(one.night) * _NIGHT | (not one.given_at) * _TIMELESS
    )
    texts = (one.source, one.channel, one.topic, one.jurisdiction, one.text_version)
    verified = one.verified_at - one.given_at if one.verified_at else None
    row = [
        head,
        one.given_at - first if one.given_at else 0,
        *(words[text] for text in texts),
        # Zero is "never": what was confirmed at once, or before, is moved by one.
        0 if verified is None else verified + 1 if verified >= 0 else verified,
        words[one.address],
    ]
    while row[-1] == 0 and len(row) > 1:
        row.pop()
    return row


def _consent(row: Sequence[int], first: int, words: Sequence[str]) -> Consent:
    head, since, source, channel, topic, jurisdiction, version, verified, address = (
        *row,
        *[0] * (9 - len(row)),
    )
    given_at = 0 if head & _TIMELESS else first + since
    confirmed = 0 if verified == 0 else given_at + (verified - 1 if verified > 0 else verified)
    return Consent(
        _PURPOSES[head >> _PURPOSE],
        bool(head & _GIVEN),
        given_at,
        words[channel],
        words[topic],
        bool(head & _NIGHT) if head & _ASKED_OF_NIGHT else None,
        words[jurisdiction],
        words[version],
        words[source],
        confirmed,
        words[address],
    )
