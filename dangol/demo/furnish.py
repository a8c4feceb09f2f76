"""The demo shop's backend sends its catalogue and campaigns to Dangol over HTTP, as any shop's backend would."""

from pathlib import Path

import yaml

from dangol.shop.catalogue import push_catalogue
from dangol.shop.client import Client

CAMPAIGNS = Path(__file__).with_name("campaigns.yaml")


def furnish(base_url: str, secret_key: str) -> None:
    """Send the catalogue and the campaigns that are missing. Existing campaigns are left as they are, with what a
    marketer changed.

    Raises DangolUnreachable or RequestRefused.
    """
    push_catalogue(base_url, secret_key)
    client = Client(base_url, f"Bearer {secret_key}")
    try:
        there = {campaign["id"] for campaign in client.fetch("/v1/campaigns")["campaigns"]}
        for campaign in yaml.safe_load(CAMPAIGNS.read_text())["campaigns"]:
            if campaign["id"] not in there:
                client.send("PUT", f"/v1/campaigns/{campaign['id']}", campaign)
    finally:
        client.close()
