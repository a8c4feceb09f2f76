"""The fields of a cost, and what their columns are called in exports of ad accounts."""

import re
from collections.abc import Sequence

from ingest.files.columns import Names, Needed, plain
from tracker.currencies import iso_code

FIELDS: Names = {
    "day": (
        *("day", "date", "statdate", "byday", "gregoriandate", "timeperiod", "segmentsdate", "period"),
        *("reportingstarts", "datestart", "startdate", "일", "일자", "날짜", "일별", "보고시작", "기간"),
        *("tag", "datum", "berichtsstart", "jour", "fecha", "日", "日付"),
    ),
    "last_day": ("reportingends", "datestop", "enddate", "보고종료", "berichtsende"),
    "source": ("source", "utmsource", "adsource", "publisherplatform", "platform", "소스", "매체", "quelle"),
    "medium": ("medium", "utmmedium", "매체유형"),
    "channel": ("channel", "channelgroup", "채널", "kanal"),
    "campaign": (
        *("campaign", "campaignname", "utmcampaign", "캠페인", "캠페인이름", "캠페인명", "kampagne"),
        *("kampagnenname", "campagne", "campaña", "キャンペーン", "キャンペーン名"),
    ),
    "type": (
        *("campaigntype", "campaignadvertisingchanneltype", "advertisingchanneltype", "캠페인유형", "캠페인종류"),
        *("kampagnentyp", "キャンペーンタイプ"),
    ),
    "amount": (
        *("cost", "amountspent", "spend", "amount", "totalcost", "adcost", "costs", "adspend", "expenses"),
        *("totalspend", "비용", "총비용", "총비용vat포함원", "총비용vat제외원", "지출금액", "소진비용", "광고비"),
        *("kosten", "ausgegebenerbetrag", "coût", "coste", "importegastado", "montantdépensé", "費用", "消化金額"),
    ),
    "micros": ("costmicros", "metricscostmicros"),
    "currency": (
        *("currencycode", "currency", "accountcurrency", "통화코드", "통화", "währungscode", "währung", "通貨コード"),
    ),
    "clicks": (
        *("clicks", "linkclicks", "clicksall", "metricsclicks", "clicksdestination", "클릭수", "클릭", "링크클릭"),
        *("klicks", "clics", "クリック数"),
    ),
    "impressions": ("impressions", "impr", "metricsimpressions", "노출수", "노출", "impressionen", "表示回数"),
}  # fmt: skip
"""Field → names as ``ingest.files.columns.plain`` writes them, the best first."""
NEEDED = (Needed("a day", ("day",)), Needed("an amount", ("amount", "micros")))
DATED = ("day", "last_day")
_CURRENCY = re.compile(r"\A([^()]{1,60})\(\s?([A-Z]{3})\s?\)\s?\Z")


def fields_of(names: Sequence[str]) -> tuple[Names, str]:
    """FIELDS with the file's own name of the amount, such as "Amount spent (USD)", and the currency that it names."""
    for name in names:
        found = _CURRENCY.match(name)
        if found and plain(found[1]) in FIELDS["amount"] and iso_code(found[2]):
            return {**FIELDS, "amount": (plain(name), *FIELDS["amount"])}, iso_code(found[2])
    return FIELDS, ""
