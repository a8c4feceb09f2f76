"""Costs of exports: those of ad accounts as they are documented, tables of one's own, and rows that tell nothing."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cost_files.costs import CostFile, CostOptions
from ingest.cost_files.presets import channel_name
from ingest.files.import_file import FileOptions
from ingest.files.mappings import Mappings
from ingest.files.rows import FileInvalid
from tracker.fields.channel_rules import ChannelRule
from tracker.sites import Site
from warehouse.attribution.cost import Cost

SITE = Site(id="default", write_key="w", secret_key="s", timezone="Asia/Seoul", currency="EUR")

GOOGLE = """Campaign report
"November 1, 2026 - November 2, 2026"
Day,Campaign,Campaign type,Currency code,Cost,Clicks,Impr.
2026-11-01,Brand,Search,EUR,"1,020.50",12,"1,300"
2026-11-01,Films,Video,EUR,7.00,1,90
2026-11-01,Everywhere,Performance Max,EUR, --,0,0
2026-11-02,Brand,Search,EUR,4.25,3,40
Total: Account,, --,EUR,"1,031.75",16,"1,430"
"""
META = """Campaign name,Day,Reporting starts,Reporting ends,Amount spent (USD),Impressions,Link clicks
,2026-11-01,2026-11-01,2026-11-01,30.75,900,9
Autumn sale,2026-11-01,2026-11-01,2026-11-01,20.5,600,6
Retargeting,2026-11-01,2026-11-01,2026-11-01,10.25,300,3
"""
META_KOREAN = """캠페인 이름,보고 시작,보고 종료,지출 금액 (KRW),노출
가을 세일,2026-11-01,2026-11-01,15300,900
한 달,2026-11-01,2026-11-30,15300,900
"""
NAVER = """캠페인,캠페인유형,일별,노출수,클릭수,"총비용(VAT포함,원)"
신발,파워링크,2026.11.01.,"1,200",10,"12,900"
쇼핑,쇼핑검색,2026.11.01.,500,4,"3,300"
합계,,,"1,700",14,"16,200"
"""
MICROSOFT = """"Report Name: Campaign performance"
"Report Time: 11/1/2026"
"Gregorian date","Campaign name","Currency code","Impressions","Clicks","Spend"
"11/13/2026","Brand","GBP","100","2","3.10"
"©2026 Microsoft Corporation. All rights reserved. "
"""
TIKTOK = """Campaign name,By Day,Cost,Currency,Impressions,Clicks (destination)
Dance,2026-11-01,5.5,USD,100,4
Total of 1 results,-,5.5,USD,100,4
"""
GA4 = """date,utm_source,utm_medium,utm_campaign,impressions,clicks,cost
2026-11-01,newsletter,email,spring,0,0,12.5
2026-11-01,google,cpc,spring,10,1,0.5
"""


def read(
    tmp_path: Path, content: str | bytes, site: Site = SITE, **options: str
) -> tuple[list[Cost], CostFile]:
    path = tmp_path / "costs.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    given = CostOptions(FileOptions(rejects=None), **options)
    file = CostFile(path, site, given, Mappings(tmp_path / "mappings.json"))
    return list(file.costs()), file


def said(costs: list[Cost]) -> list[tuple[str, str, str, str, str]]:
    return [(each.source, each.channel, each.campaign, f"{each.amount:.2f}", each.currency) for each in costs]


FIRST = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("content", "name", "days", "expected"),
    [
        (
            GOOGLE,
            "Google Ads",
            [FIRST, FIRST, FIRST, date(2026, 11, 2)],
            [
                ("google", "paid search", "Brand", "1020.50", "EUR"),
                ("google", "paid video", "Films", "7.00", "EUR"),
                ("google", "paid search", "Everywhere", "0.00", "EUR"),
                ("google", "paid search", "Brand", "4.25", "EUR"),
            ],
        ),
        (
            META,
            "Meta Ads",
            [FIRST, FIRST],
            [
                ("facebook", "paid social", "Autumn sale", "20.50", "USD"),
                ("facebook", "paid social", "Retargeting", "10.25", "USD"),
            ],
        ),
        (META_KOREAN, "Meta Ads", [FIRST], [("facebook", "paid social", "가을 세일", "15300.00", "KRW")]),
        (
            NAVER,
            "Naver Ads",
            [FIRST, FIRST],
            [
                ("naver", "paid search", "신발", "12900.00", "KRW"),
                ("naver", "paid shopping", "쇼핑", "3300.00", "KRW"),
            ],
        ),
        (
            MICROSOFT,
            "Microsoft Ads",
            [date(2026, 11, 13)],
            [("bing", "paid search", "Brand", "3.10", "GBP")],
        ),
        (TIKTOK, "TikTok Ads", [FIRST], [("tiktok", "paid social", "Dance", "5.50", "USD")]),
        (
            GA4,
            "",
            [FIRST, FIRST],
            [
                ("newsletter", "e-mail", "spring", "12.50", "EUR"),
                ("google", "paid search", "spring", "0.50", "EUR"),
            ],
        ),
        (
            "segments.date,campaign.name,metrics.cost_micros\n2026-11-01,Brand,1234567\n",
            "Google Ads API",
            [FIRST],
            [("google", "paid search", "Brand", "1.23", "EUR")],
        ),
    ],
    ids=["google", "meta", "meta-korean", "naver", "microsoft", "tiktok", "ga4", "google-api"],
)
def test_exports_are_known_by_their_columns(
    tmp_path: Path, content: str, name: str, days: list[date], expected: list[tuple[str, ...]]
) -> None:
    costs, file = read(tmp_path, content)
    assert file.preset.name == name
    assert said(costs) == expected
    assert [each.day for each in costs] == days


def test_counts_of_clicks_come_along(tmp_path: Path) -> None:
    costs, file = read(tmp_path, GOOGLE)
    assert [(each.clicks, each.impressions) for each in costs] == [(12, 1300), (1, 90), (0, 0), (3, 40)]
    assert (file.summary.rows, file.summary.costs, file.summary.totals) == (5, 4, 1)
    assert file.summary.sums == {"EUR": Decimal("1031.75")}


def test_a_row_of_several_days_is_refused(tmp_path: Path) -> None:
    _, file = read(tmp_path, META_KOREAN)
    assert file.open.rejects.reasons == {"a row of several days; export the costs by day": 1}


def test_who_was_paid_must_be_known(tmp_path: Path) -> None:
    table = "day,campaign,cost\n2026-11-01,spring,10\n"
    with pytest.raises(FileInvalid, match="--source"):
        read(tmp_path, table)
    costs, _ = read(tmp_path, table, source="naver")
    assert said(costs) == [("naver", "paid search", "spring", "10.00", "EUR")]
    costs, _ = read(tmp_path, table, channel="Paid_Social", currency="USD")
    assert said(costs) == [("", "paid social", "spring", "10.00", "USD")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("soon,x,a,1,EUR", "unreadable day"),
        (",x,a,1,EUR", "no day"),
        ("2026-11-01,x,a,much,EUR", "unreadable cost"),
        ("2026-11-01,x,a,1,WON", "unknown currency"),
        ("2026-11-01,x,a,1.5,KRW", "unreadable cost"),  # has no decimals
    ],
)
def test_rows_that_tell_nothing_are_refused_and_the_others_count(
    tmp_path: Path, row: str, reason: str
) -> None:
    costs, file = read(tmp_path, f"day,source,campaign,cost,currency\n{row}\n2026-11-01,x,a,2,EUR\n")
    assert [each.amount for each in costs] == [2]
    assert list(file.open.rejects.reasons) == [reason]


def test_encodings_and_german_amounts(tmp_path: Path) -> None:
    table = "Tag;Kampagne;Währungscode;Kosten\n01.11.2026;Frühling;EUR;1.234,50\n"
    costs, _ = read(tmp_path, table.encode("cp1252"))
    assert said(costs) == [("google", "paid search", "Frühling", "1234.50", "EUR")]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("affiliates", "affiliate"),
        ("Paid Search", "paid search"),
        ("E-Mail", "e-mail"),
        ("email", "e-mail"),
        ("AI Assistant", "AI assistant"),
    ],
)
def test_channels_have_the_names_of_visits(told: str, name: str) -> None:
    assert channel_name(told) == name


def test_costs_follow_the_channel_rules_of_the_site(tmp_path: Path) -> None:
    """So that they stand where the visits of the campaign stand."""
    rule = ChannelRule(channel="affiliate", campaign="brand*")
    costs, _ = read(tmp_path, GOOGLE, msgspec.structs.replace(SITE, channel_rules=(rule,)))
    assert [each.channel for each in costs] == ["affiliate", "paid video", "paid search", "affiliate"]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 28), st.sampled_from(["a", 'b,;"', "한글", "'x"]), st.decimals(0, 10**6, places=2)
        ),
        min_size=1,
        max_size=20,
    )
)
def test_amounts_are_exact(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, Decimal]]
) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    lines = [f"2026-11-{day:02},google,{quoted(name)},{amount}" for day, name, amount in rows]
    content = "\n".join(["day,source,campaign,cost", *lines]) + "\n"
    costs, _ = read(tmp_path_factory.mktemp("costs"), content)
    assert [(each.day.day, each.campaign, each.amount) for each in costs] == rows
