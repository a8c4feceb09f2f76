"""A test mail goes out through the settings of the installation, and to nobody else."""

from email import message_from_bytes
from email.policy import default

import pytest
from click.testing import CliRunner

from dangol.cli import main
from messages.email.samples import warnings_of
from offers.campaign.document import parse
from offers.campaign.store import CampaignStore
from tests.support.mail_server import Inbox, mail_server
from tests.support.mails import message, writer
from tests.support.offers import written

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def test_a_campaign_is_sent_to_oneself(redis_url, tmp_path):
    mail = {"subject": "Hi {{ trait.first_name | you }}", "blocks": [{"type": "coupon", "text": "Code"}]}
    told = written(
        id="hello",
        slots=["email"],
        caps=[],
        coupons="pool",
        send={"channel": "email", "when": {"on": "Signed Up"}},
        creatives=[{"id": "a", "kind": "email", "content": mail}],
    )
    CampaignStore(redis_url).put("default", parse(told), 1)
    inbox = Inbox()
    with mail_server(inbox) as port:
        environ = {
            "DANGOL_DATA": str(tmp_path / "data"),
            "DANGOL_LOG": f"{redis_url}?stream=events",
            "DANGOL_PROFILES": redis_url,
            "DANGOL_SMTP": f"smtp://127.0.0.1:{port}",
            "DANGOL_MAIL_FROM": "hello@shop.example",
        }
        command = ["campaigns", "send-test", "hello", "me@shop.example"]
        sent = CliRunner().invoke(main, command, env=environ)
        assert sent.exit_code == 0 and sent.output.endswith("sent\n"), sent.output
        missing = CliRunner().invoke(main, [*command, "--variant", "b"], env=environ)
        silent = CliRunner().invoke(main, command, env={**environ, "DANGOL_SMTP": ""})
        wrong = CliRunner().invoke(main, command, env={**environ, "DANGOL_MAIL_FROM": "nobody"})
    assert len(inbox.taken) == 1 and inbox.taken[0][1] == ["me@shop.example"]
    mail_sent = message_from_bytes(inbox.taken[0][2], policy=default)
    assert mail_sent["Subject"] == "Hi you" and "TEST-CODE" in mail_sent.get_body(("plain",)).get_content()
    assert "no mail b" in missing.output and missing.exit_code
    assert "DANGOL_SMTP" in silent.output and "DANGOL_MAIL_FROM" in wrong.output


def test_what_filters_distrust_is_said():
    def told(subject: str, html: str) -> list[str]:
        return [
            each.split(":")[0]
            for each in warnings_of(writer().write(message(content={"subject": subject, "html": html})))
        ]

    assert told("Hello", "<style>p {color: red}</style><p>Some words that a person reads.</p>") == []
    assert told("BUY NOW", "x") == told("Buy!!", "x") == ["Its subject shouts."]
    assert told("x", '<img src="https://s.example/a.png">' * 9) == ["It is nearly all pictures"]
    assert told("x", "<p>word</p>" * 11_000)[0].endswith("bytes")
