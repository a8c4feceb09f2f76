"""Campaign documents, a decider on an injected clock, and stores that answer as told."""

import random
from collections.abc import Sequence
from typing import Any

from offers.bandit.thompson_sampling import Arm, NoArms
from offers.campaign.compiled_campaign import CompiledCampaign
from offers.campaign.document import parse
from offers.decision.caps import CapRequest, CapsUnavailable, Grant
from offers.decision.decider import Decider
from offers.decision.decisions import Decision
from offers.feedback.token import TokenSigner
from profiles.model import Affinity, Profile
from profiles.sansio import Steps


def written(**changes: Any) -> dict[str, Any]:
    """A valid document with ``changes``; None takes a field away."""
    base = {
        "id": "hero-shoes",
        "name": "Shoes",
        "status": "live",
        "slots": ["hero"],
        "audience": "affinity('shoes') > 0.3",
        "caps": [{"limit": 3, "per": "session"}],
        "creatives": [{"id": "a", "kind": "html", "content": "<b>Shoes</b>"}],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


SIGNER = TokenSigner("secret")


class Fixed:
    """A campaign store that knows these campaigns."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.documents = documents

    def due(self, site) -> bool:
        return False

    def refresh(self, site) -> None: ...

    def known(self, site) -> tuple[CompiledCampaign, ...]:
        ready = [CompiledCampaign(parse(document), site.zone) for document in self.documents]
        return tuple(sorted(ready, key=lambda each: (each.rank, each.campaign.id)))


class Uncapped:
    """Caps that allow everything, as the Lua script would."""

    def take(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
        yield from ()
        taken: set[str] = set()
        grants = []
        for asks in slots:
            ghosts, chosen = [], None
            for index, ask in enumerate(asks):
                if ask.campaign in taken:
                    continue
                taken.add(ask.campaign)
                if not ask.ghost:
                    chosen = index
                    break
                ghosts.append(index)
            grants.append(Grant(chosen, tuple(ghosts)))
        return grants


class Down:
    def take(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
        yield from ()
        raise CapsUnavailable("down")


class ArmCounts(NoArms):
    def __init__(self, **arms: Arm) -> None:
        self.counts = arms

    def arms(self, site: str, campaign: str, slot: str, context: str) -> dict[str, Arm]:
        return self.counts


def offer(name: str, **changes: Any) -> dict[str, Any]:
    return written(id=name, **{"audience": "", "caps": [], **changes})


def decider(clock, *documents, caps=None, **options) -> Decider:
    return Decider(
        Fixed(*documents), caps or Uncapped(), SIGNER, clock=clock, chance=random.Random(7), **options
    )


def chosen(decision: Decision | None) -> str | None:
    return decision.campaign if decision else None


SHOES = Profile(id="v:a", visitors=["a"], affinities={"shoes": Affinity(3.0, 1_795_000_000_000)})


CREATIVES = [
    {"id": name, "kind": "json", "content": {"t": name}, "weight": weight}
    for name, weight in (("a", 3), ("b", 1))
]

MAIL = {"id": "a", "kind": "email", "content": {"subject": "{{ stage }}", "html": "<p>{{ trait.name }}</p>"}}


def message(send: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    told = {"channel": "email", "when": {"on": "Product Added", "wait": "4h", "unless": "Order Completed"}}
    base = {"slots": None, "caps": [], "audience": "", "creatives": [MAIL], "send": {**told, **(send or {})}}
    return written(**{**base, **changes})
