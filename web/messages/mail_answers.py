"""The addresses in mails: the pixel that tells of an open, the links that tell of a click, and where bounces go."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from flask import Response, redirect, request
from flask.typing import ResponseReturnValue

from messages.email.answers import MailAnswers
from messages.email.returned import SIZE_LIMIT
from tracker.http.address import attempts_key
from tracker.protocols.pixel import GIF
from tracker.unavailable import Unavailable
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.http.site_keys import Keys

RATE, BURST = 10.0, 200.0
"""Of one network: programs of mail of a whole company share one."""


class MailRead(msgspec.Struct):
    """``kind``: bounce, delay or complaint; "" for a mail that is about none of ours. ``suppressed``: nothing is sent
    to the address any more."""

    kind: str = ""
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class MailPages:
    """``bucket`` limits what one network may ask for."""

    answers: MailAnswers
    keys: Keys
    bucket: Callable[[str, float, float, float], float]

    def routes(self) -> Routes:
        return (
            get("/v1/messages/opened/<mark>", self.opened),
            get("/v1/messages/click/<mark>", self.click),
            post("/v1/messages/returned", self.returned),
        )

    def opened(self, mark: str) -> ResponseReturnValue:
        """A picture of one pixel, whatever was asked for: a mail never shows a broken one."""
        if self._allowed():
            with suppress(Unavailable):  # an open that is not counted
                self.answers.opened(mark)
        return Response(GIF, mimetype="image/gif", headers={"Cache-Control": "no-store, private"})

    def click(self, mark: str) -> ResponseReturnValue:
        """On to where the link leads: only where this mail has it, so that nobody sends people elsewhere by us."""
        target, signature = request.args.get("to", ""), request.args.get("s", "")
        if not self._allowed():
            raise Problem(429, "Too many requests; try again later", headers={"Retry-After": "60"})
        try:
            known = self.answers.clicked(mark, target, signature)
        except Unavailable:
            # The reader still gets there. The link is checked without the stores.
            known = self.answers.marks.leads(mark, target, signature)
        if not known or not target.startswith(("https://", "http://")):
            raise Problem(404, "This link is not one of ours")
        gone = redirect(target, 302)
        gone.headers["Cache-Control"] = "no-store, private"
        gone.headers["Referrer-Policy"] = "no-referrer"
        return gone

    def returned(self) -> ResponseReturnValue:
        """A bounce or a complaint, as it came (message/rfc822), from a mail server of the shop's or its provider."""
        site = self.keys.secret_key()
        request.max_content_length = SIZE_LIMIT
        told = self.answers.returned(request.get_data(), [site.id])
        if told is None:
            return answer(MailRead())
        return answer(MailRead(told.kind, told.hard or told.kind == "complaint"))

    def _allowed(self) -> bool:
        return self.bucket(f"mail:{attempts_key(request.remote_addr or '')}", 1.0, RATE, BURST) >= 1.0
