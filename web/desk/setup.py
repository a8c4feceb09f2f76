"""The set-up page: what to paste, and the calls to make, with the site's own keys in them."""

import json
from dataclasses import dataclass
from typing import Any

from flask import Response

from tracker.sites import Site
from web.desk.pages import Pages
from web.http.routes import Routes, get

EVENTS = """<script>
  if(typeof dangol!='function')window.dangol=function(){(dangol.q=dangol.q||[]).push(arguments)};
  dangol('track', 'Product Viewed', { product_id: 'p7', category: 'shoes', price: 59.9 });
  dangol('track', 'Order Completed', {
    order_id: 'o1', revenue: 59.9, products: [{ product_id: 'p7', quantity: 1, price: 59.9 }]
  });
  // PROOF is made on your server: HMAC-SHA256 of the customer's id under the secret key, in hex
  dangol('identify', 'customer-42', { email: 'kim@example.com' }, { proof: 'PROOF' });
</script>"""
SLOT = """<div id="for-you"></div>
<script>
  dangol('slot', 'for-you', '#for-you', { kind: 'items', limit: 8 });
</script>"""
QUESTION = {
    "visitor": "VISITOR_ID",
    "slots": [
        {"id": "hero", "kind": "offer"},
        {"id": "for-you", "kind": "items", "strategy": "personal", "limit": 8},
    ],
}
CAMPAIGN = {
    "name": "For those who love shoes",
    "status": "live",
    "slots": ["hero"],
    "audience": 'affinity("shoes") > 0.5 and orders = 0',
    "caps": [{"limit": 3, "per": "day"}],
    "creatives": [
        {"id": "a", "kind": "html", "content": "<h2>Ten percent off your first pair</h2>"},
        {"id": "b", "kind": "html", "content": "<h2>Free returns on every pair</h2>"},
    ],
}


@dataclass(frozen=True, slots=True)
class SetupView:
    snippet: str
    events: str
    slot: str
    personalize: str
    campaign: str


@dataclass(frozen=True, slots=True)
class SetupPage:
    pages: Pages
    public_url: str

    def routes(self) -> Routes:
        return (get("/desk/setup", self.setup),)

    def setup(self) -> Response:
        site = self.pages.site()
        return self.pages.show(
            "desk/setup.html", "setup", site, view=view_of(site, self.public_url.rstrip("/"))
        )


def view_of(site: Site, url: str) -> SetupView:
    return SetupView(
        snippet=f'<script async src="{url}/dangol.js" data-key="{site.write_key}"></script>',
        events=EVENTS,
        slot=SLOT,
        personalize=_curl("POST", f"{url}/v1/personalize", site.write_key, QUESTION),
        campaign=_curl("PUT", f"{url}/v1/campaigns/shoe-lovers", "YOUR_SECRET_KEY", CAMPAIGN),
    )


def _curl(method: str, url: str, key: str, document: dict[str, Any]) -> str:
    return f"curl -X {method} {url} \\\n  -H 'Authorization: Bearer {key}' \\\n  -d '{_laid_out(document)}'"


def _laid_out(document: dict[str, Any]) -> str:
    """JSON with a line for each field, and for each entry of a list of objects."""
    lines = []
    for name, value in document.items():
        text = json.dumps(value)
        if isinstance(value, list) and isinstance(value[0], dict) and len(value) > 1:
            text = "[\n" + ",\n".join(f"      {json.dumps(each)}" for each in value) + "]"
        lines.append(f"    {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "}"
