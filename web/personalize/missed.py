"""POST /v1/personalize/missed: an offer came too late and was not shown, so it does not count against its caps.

The token is the permission: whoever has it was given the decision. It is good for a minute and once; the visitor's id
must be that for whom it was made. Budgets are not touched, since what is not seen is returned to them anyway.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import msgspec
from flask import Response

from offers.decision.decider import Decider
from offers.feedback.token import TokenInvalid, TokenSigner
from profiles.model import Profile
from profiles.sansio import Steps, run_sync
from profiles.store.port import ProfileStore
from tracker.durations import MINUTE_MS
from tracker.sites import Sites
from tracker.unavailable import Unavailable
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.routes import Routes, post
from web.personalize.request import Id

BODY_BYTES = 4_000


class MissedOffer(msgspec.Struct, frozen=True):
    """``visitor`` is the id for whom it was decided, ``token`` the decision's."""

    visitor: Id
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class Returned(msgspec.Struct, frozen=True):
    """Whether the decision counted until now, and counts no longer."""

    returned: bool


@dataclass(frozen=True, slots=True)
class MissedOffers:
    sites: Sites
    profiles: ProfileStore
    decider: Decider
    signer: TokenSigner
    clock: Callable[[], float]

    def routes(self) -> Routes:
        return (post("/v1/personalize/missed", self.missed),)

    def missed(self) -> Response:
        told = body(MissedOffer, BODY_BYTES)
        try:
            token = self.signer.read(told.token, None, int(self.clock() * 1000), MINUTE_MS)
        except TokenInvalid as error:
            raise Problem(400, f"The token is {error.reason}", "token") from error
        site = self.sites.get(token.site)
        if site is None or token.held or not token.owner or not token.belongs_to(told.visitor):
            raise Problem(400, "The token is foreign", "token")

        def returning() -> Steps[bool]:
            found = yield from self.profiles.finding(token.site, told.visitor, None)
            stranger = Profile(id=f"v:{told.visitor}", visitors=[told.visitor])
            return (yield from self.decider.give_back(site, found or stranger, token))

        try:
            return answer(Returned(run_sync(returning())))
        except Unavailable:
            return answer(Returned(False))
