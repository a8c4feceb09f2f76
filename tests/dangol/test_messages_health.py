"""What the doctor says of messages that wait."""

import time
from pathlib import Path

import pytest

from dangol.doctor.doctor import MessagesStand, messages_go_out
from dangol.settings import Settings
from messages.ledger.ledger import Ledger
from messages.ledger.occasion import Occasion
from offers.campaign.document import parse
from offers.campaign.store import CampaignStore
from tests.support.sending import campaign_document


def test_messages_that_nobody_sends_are_a_fault(redis_url: str, tmp_path: Path):
    settings = Settings(data=str(tmp_path), profiles=redis_url, log=f"{redis_url}?stream=events")
    now = int(time.time() * 1000)
    CampaignStore(redis_url).put("default", parse(campaign_document()), now)
    assert messages_go_out(settings) == "0 wait, 0 under way, 0 unknown"
    told = {"site": "default", "campaign": "cart", "cause": "event", "user": "1", "ts": now}
    Ledger(redis_url).add([Occasion(id="a" * 32, due=now - 60_000, **told)], now)
    assert messages_go_out(settings) == "1 wait, 0 under way, 0 unknown"
    Ledger(redis_url).add([Occasion(id="b" * 32, due=now - 3_600_000, **told)], now)
    with pytest.raises(MessagesStand, match="2 messages wait"):
        messages_go_out(settings)
