"""What changed from one version of a campaign to the next, in the editor's words, and who wrote it. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from offers.campaign.campaign import Campaign
from offers.campaign.store import Version
from web.access.audit import AuditEntry
from web.desk.campaigns.form import VariantDraft, draft_of
from web.desk.campaigns.words import CHOICES, KINDS, LABELS, VARIANT_LABELS
from web.language import gettext as _

TEXT_LIMIT = 120
NOTED = 500
"""Entries of the log of changes in which writers are looked for."""
NOTED_WITHIN_MS = 10_000
"""A change is noted when its request has been answered: so long after the version was written, at most."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of the editor; "" where there was, or is, nothing."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Written:
    """One version: when (ms), by whom as far as that is known, and how it differs from the one before it.
    ``first``: nothing is kept of what was before."""

    saved: int
    who: str
    campaign: Campaign | None
    changes: tuple[FieldChange, ...]
    first: bool = False


def mark(versions: Sequence[Version]) -> str:
    """What tells one state of a campaign from another: when its newest version was written."""
    return str(versions[0].saved) if versions else ""


def written(
    versions: Sequence[Version], noted: Sequence[AuditEntry], site: str, campaign_id: str
) -> tuple[Written, ...]:
    """``versions`` and ``noted`` are newest first."""
    return tuple(
        Written(
            version.saved,
            _who(version, noted, site, campaign_id),
            version.campaign,
            changes(before.campaign, version.campaign) if before else (),
            before is None,
        )
        for version, before in zip_longest(versions, versions[1:])
    )


def since(
    versions: Sequence[Version], began: str, noted: Sequence[AuditEntry], site: str, campaign_id: str
) -> Written | None:
    """The newest version, with everything that changed since ``began``; None when that is the newest."""
    if mark(versions) == began or not versions:
        return None
    newest = versions[0]
    base = next((each.campaign for each in versions if str(each.saved) == began), None)
    told = changes(base, newest.campaign) if base else ()
    return Written(newest.saved, _who(newest, noted, site, campaign_id), newest.campaign, told)


def changes(before: Campaign | None, after: Campaign | None) -> tuple[FieldChange, ...]:
    """Field by field; nothing where one of them is none."""
    if before is None or after is None:
        return ()
    old, new = draft_of(before), draft_of(after)
    found = [
        FieldChange(str(label), _said(name, old.text(name)), _said(name, new.text(name)))
        for name, label in LABELS.items()
        if old.text(name) != new.text(name)
    ]
    was, now = ({each.id: each for each in draft.variants} for draft in (old, new))
    for name in {**was, **now}:
        found += _variant(name, was, now)
    return tuple(found)


def _variant(
    name: str, was: Mapping[str, VariantDraft], now: Mapping[str, VariantDraft]
) -> list[FieldChange]:
    title = _("Variant %(name)s", name=name)
    old, new = was.get(name), now.get(name)
    if old is None or new is None:
        return [FieldChange(title, _short(old.content) if old else "", _short(new.content) if new else "")]
    return [
        FieldChange(
            f"{title}: {label}", _kind(column, getattr(old, column)), _kind(column, getattr(new, column))
        )
        for column, label in VARIANT_LABELS.items()
        if getattr(old, column) != getattr(new, column)
    ]


def _said(name: str, text: str) -> str:
    return str(CHOICES[name].get(text, text)) if name in CHOICES else _short(text)


def _kind(column: str, text: str) -> str:
    return str(KINDS.get(text, text)) if column == "kind" else _short(text)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _who(version: Version, noted: Sequence[AuditEntry], site: str, campaign_id: str) -> str:
    """Whoever made the request that was noted right after it was written; "" when none was, as of an import."""
    address = f"/desk/campaigns/{campaign_id}"
    ours = {
        f"POST {address}/status",
        f"POST {address}/restore",
        f"PUT /v1/campaigns/{campaign_id}",
        f"DELETE /v1/campaigns/{campaign_id}",
    }
    late = [
        entry
        for entry in noted
        if entry.site == site
        and 0 <= entry.ts - version.saved <= NOTED_WITHIN_MS
        and (
            entry.what in ours
            or (entry.what == "POST /desk/campaigns/edit" and f"id={campaign_id}," in entry.detail)
        )
    ]
    return late[-1].who if late else ""
