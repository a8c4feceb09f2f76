"""The ready-made messages: each can be put as it is, in both languages, and says the same thing in both."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dangol.cli import main
from offers.audience.audience import Audience
from offers.campaign.document import dump_yaml, load_yaml, parse
from offers.ready_made.messages import LANGUAGES, Language, ready_made
from recommender.serving.request import SlotRequest, parse_slot_request
from tracker.sites import Site


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_is_a_draft_that_is_taken_as_it_is(language: Language) -> None:
    found = ready_made(language)
    segments = {each["id"] for each in found.segments}
    for each in found.segments:
        Audience.parse(each["audience"])
    for each in found.campaigns:
        campaign = parse(each)
        assert campaign.status == "draft" and campaign.send is not None
        entered = campaign.send.when.enters
        assert not entered or entered in segments
        for creative in campaign.creatives:
            if creative.items is not None:
                assert isinstance(parse_slot_request(creative.items), SlotRequest)


def test_both_languages_send_the_same_at_the_same_time() -> None:
    def bones(language: Language) -> list[Any]:
        return [
            (
                each["id"],
                each["send"],
                each.get("audience"),
                each.get("goal"),
                [c["id"] for c in each["creatives"]],
            )
            for each in ready_made(language).campaigns
        ]

    assert bones("en") == bones("ko")
    service = [each["id"] for each in ready_made("en").campaigns if each["send"].get("class") == "service"]
    assert service == ["confirm-address", "consent-result", "consent-again"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_command_writes_what_import_reads(language: Language, tmp_path: Path) -> None:
    answer = CliRunner().invoke(main, ["campaigns", "ready-made", "--lang", language])
    assert answer.exit_code == 0, answer.output
    (tmp_path / "drafts.yaml").write_text(answer.output, encoding="utf-8")
    read = load_yaml(tmp_path / "drafts.yaml")
    assert [each.id for each in read] == [each["id"] for each in ready_made(language).campaigns]


def test_in_a_file_on_is_a_text_and_true_is_not(tmp_path: Path) -> None:
    """YAML 1.1 reads an unquoted ``on`` as true; whoever writes a file by hand does not know that."""
    file = tmp_path / "one.yaml"
    file.write_text(
        "campaigns:\n- {id: a, name: No, send: {channel: email, best_hour: true, when: {on: Product Added}},\n"
        "   creatives: [{id: a, kind: email, content: {subject: yes, html: <p>x</p>}}]}\n",
        encoding="utf-8",
    )
    (campaign,) = load_yaml(file)
    assert campaign.send is not None and campaign.send.when.on == "Product Added"
    assert campaign.send.best_hour is True and campaign.name == "No"
    assert campaign.creatives[0].content["subject"] == "yes"
    (tmp_path / "two.yaml").write_text(dump_yaml([campaign]), encoding="utf-8")
    assert load_yaml(tmp_path / "two.yaml") == [campaign]


@pytest.mark.redis
def test_the_api_gives_them_in_the_language_that_is_asked_for(
    tmp_path: Path, redis_url: str, site: Site, clock: Any
) -> None:
    from tests.support.web_stage import stage_of

    stage = stage_of(tmp_path, redis_url, site, clock)
    drafts = stage.call("GET", "/v1/campaigns/ready-made?lang=ko").json
    assert drafts["campaigns"][0]["name"] == "장바구니 알림"
    for each in drafts["segments"]:
        body = {"name": each["name"], "audience": each["audience"]}
        assert stage.call("PUT", f"/v1/segments/{each['id']}", json=body).status_code == 200
    for each in drafts["campaigns"]:
        assert stage.call("PUT", f"/v1/campaigns/{each['id']}", json=each).status_code == 200
    assert stage.call("GET", "/v1/campaigns/ready-made?lang=xx").status_code == 400
    assert stage.call("GET", "/v1/campaigns/ready-made", key=None).status_code == 401
