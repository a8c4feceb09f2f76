"""Files of customers and calls: whatever the export, all that is said arrives once, the unreadable is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.contact_files.call_import import CALLS, read_calls
from ingest.contact_files.contact import NAMES, OTHER, Contact, contact_event
from ingest.contact_files.customer import consent_event
from ingest.contact_files.customer_import import CUSTOMERS, read_customers
from ingest.contact_files.fields import preset_of
from ingest.contact_files.summary import ContactSummary
from ingest.contact_files.words import WordUnknown, birthday, direction, seconds, unquoted, yes_or_no
from ingest.files.import_file import FileOptions, OpenFile, open_file
from ingest.files.mappings import Mappings
from ingest.files.rows import FileInvalid
from profiles.consent.statement import statement_of
from tracker.sites import Site
from tracker.standard_events.deeds import is_own_deed, joins_visit

SITE = Site(id="default", write_key="wk", secret_key="sk", timezone="Asia/Seoul")


def opened(
    folder: Path, text: str, kind: Any = CUSTOMERS, encoding: str = "utf-8", **options: Any
) -> OpenFile:
    path = folder / "file.csv"
    path.write_bytes(text.encode(encoding))
    return open_file(path, kind, SITE, FileOptions(**options), Mappings(folder / "mappings.json"))


def customers(folder: Path, text: str, encoding: str = "utf-8", **options: Any) -> dict[str, Any]:
    file, summary = opened(folder, text, CUSTOMERS, encoding, **options), ContactSummary()
    with file.rejects:
        return {one.user: one for batch in read_customers(file, summary) for one in batch}


SHOPIFY = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address City,"
    "Default Address Country Code,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags\n"
    "'6938291,Mina,Kim,Mina@Shop.test,yes,,Seoul,KR,'+82 10 1234 5678,no,120.00,3,,no,\"vip, seoul\"\n"
    "'6938292,,Lee,lee@shop.test,no,,,,,no,0,0,,no,\n"
)
WOO = (
    "Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code\n"
    "Mina Kim,mina,2026-11-01,2024-03-05 10:00:00,mina@shop.test,3,120,40,KR,Seoul,,04524\n"
)
CAFE24 = (
    "아이디,이름,이메일,휴대폰번호,생년월일,가입일,회원등급,이메일 수신여부,SMS 수신여부\n"
    "mina77,김미나,mina@shop.test,010-1234-5678,1979-03-05,2024-03-05,VIP,T,F\n"
    "hana,이하나,hana@shop.test,010-2222-3333,19881231,2025-01-02,일반,F,F\n"
)
MAILCHIMP = (
    "Email Address,First Name,Last Name,Address,Phone Number,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
    'mina@shop.test,Mina,Kim,,,11/20,2,"2024-03-05 10:00:00",1.2.3.4,"2024-03-05 10:01:00",1.2.3.4,,,,,,KR,,'
    '"2024-03-05 10:01:00",123,abc,,"""vip"",""seoul"""\n'
)
HUBSPOT = (
    "Record ID,First Name,Last Name,Email,Phone Number,Create Date,Lifecycle Stage,Unsubscribed from all email\n"
    "10001.0,Mina,Kim,mina@shop.test,+82 10 1234 5678,2024-03-05 10:00,customer,\n"
    "10002,Ho,Lee,lee@shop.test,,2024-03-06 10:00,lead,true\n"
)


@pytest.mark.parametrize(
    ("name", "text", "encoding", "user", "traits", "channels"),
    [
        (
            "Shopify",
            SHOPIFY,
            "utf-8",
            "6938291",
            {
                "name": "Mina Kim",
                "email": "mina@shop.test",
                "phone": "+82 10 1234 5678",
                "tags": ["vip", "seoul"],
            },
            {"email": True, "sms": False},
        ),
        (
            "WooCommerce",
            WOO,
            "utf-8",
            "mina",
            {"name": "Mina Kim", "email": "mina@shop.test", "city": "Seoul"},
            {},
        ),
        (
            "Cafe24",
            CAFE24,
            "cp949",
            "mina77",
            {"name": "김미나", "phone": "010-1234-5678", "birthday": "1979-03-05", "grade": "VIP"},
            {"email": True, "sms": False},
        ),
        (
            "Mailchimp",
            MAILCHIMP,
            "utf-8",
            "mina@shop.test",
            {"name": "Mina Kim", "birthday": "11/20", "tags": ["vip", "seoul"]},
            {"email": True},
        ),
        ("HubSpot", HUBSPOT, "utf-8", "10001", {"name": "Mina Kim", "grade": "customer"}, {}),
    ],
)
def test_exports_are_read_as_they_are(
    tmp_path: Path,
    name: str,
    text: str,
    encoding: str,
    user: str,
    traits: dict[str, Any],
    channels: dict[str, bool],
) -> None:
    assert preset_of(text.splitlines()[0].split(",")).name == name
    found = customers(tmp_path, text, encoding)[user]
    assert traits.items() <= found.traits.items()
    assert found.channels == channels
    if channels:
        assert found.proof["file"] == "file.csv" and found.proof["line"] == 2 and found.proof["says"]


def test_a_refusal_in_any_column_counts(tmp_path: Path) -> None:
    assert customers(tmp_path, HUBSPOT)["10002"].channels == {"email": False}
    text = "email,subscribed,unsub_time\na@b.test,yes,2026-01-02 03:04:05\nc@d.test,yes,\n"
    found = customers(tmp_path, text)
    assert (found["a@b.test"].channels, found["c@d.test"].channels) == ({"email": False}, {"email": True})


def test_bad_rows_are_refused_with_their_reason_and_the_file_goes_on(tmp_path: Path) -> None:
    text = (
        "id,email,subscribed,created\n"
        "1,a@b.test,yes,2024-01-01\n"
        "guest,,no,2024-01-01\n"
        "2,nonsense,yes,2024-01-01\n"
        "3,c@d.test,perhaps,2024-01-01\n"
        "4,e@f.test,yes,the day before\n"
        "5,g@h.test,no,2024-01-02\n"
    )
    assert set(customers(tmp_path, text)) == {"1", "5"}
    rejected = (tmp_path / "file.csv.rejects.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in rejected[1:]] == ["3", "4", "5", "6"]
    assert "no customer id and no e-mail" in rejected[1] and "perhaps" in rejected[3]


def test_several_rows_of_one_customer_are_one(tmp_path: Path) -> None:
    text = "id,email,phone,subscribed\n7,a@b.test,,yes\n8,x@y.test,1,\n7,,0101,no\n"
    found = customers(tmp_path, text)
    assert len(found) == 2
    assert found["7"].traits == {"email": "a@b.test", "phone": "0101"}
    assert found["7"].channels == {"email": False}


def test_a_file_without_customers_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match="needs the customer's id or e-mail"):
        opened(tmp_path, "colour,size\nred,5\n")
    file = opened(tmp_path, "who,size\nkim,5\n", mapping={"who": "user"})
    assert file.columns == {"user": 0}


CALLS_TEXT = (
    "통화일시,회원아이디,구분,통화시간,상담원,상담유형,결과,메모\n"
    "2026-11-02 오후 3:05,mina77,수신,2분 5초,박상담,배송,해결,문의\n"
    "2026-11-02 15:05,mina77,발신,00:01:10,박상담,반품,보류,\n"
    "2026-11-02 15:05,mina77,발신,00:01:10,박상담,반품,보류,\n"
    ",mina77,수신,5,,,,\n"
    "2026-11-03 09:00,,수신,5,,,,\n"
    "2026-11-03 09:00,hana,sideways,5,,,,\n"
    "2026-11-03 09:00,hana,수신,a while,,,,\n"
)


def test_calls_are_read_with_the_site_s_zone_and_twice_said_twice(tmp_path: Path) -> None:
    file, summary = opened(tmp_path, CALLS_TEXT, CALLS, "cp949"), ContactSummary()
    with file.rejects:
        calls = [call for batch in read_calls(file, summary) for call in batch]
    assert [(call.user, call.contact.direction, call.contact.duration, call.nth) for call in calls] == [
        ("mina77", "in", 125, 0),
        ("mina77", "out", 70, 0),
        ("mina77", "out", 70, 1),
    ]
    assert calls[0].ts == 1_793_599_500_000  # 06:05 UTC
    assert calls[0].contact.topic == "배송" and calls[0].contact.note == "문의"
    assert file.rejects.reasons == {
        "no time": 1,
        "no customer id and no e-mail": 1,
        "unknown direction": 1,
        "unreadable duration": 1,
    }
    assert summary.rows == 7


@pytest.mark.parametrize("kind", [*NAMES, OTHER])
def test_no_contact_is_a_visit(kind: str) -> None:
    event = contact_event("default", "u1", Contact(kind), 5, 6)
    assert not is_own_deed(event, "") and not joins_visit(event)


@pytest.mark.parametrize(
    ("cell", "meaning"),
    [
        ("125", 125),
        ("2:05", 125),
        ("00:02:05", 125),
        ("2m 5s", 125),
        ("2분 5초", 125),
        ("1시간", 3600),
        ("", None),
        (125.0, 125),
        ("125 sec", 125),
        ("1:00:00", 3600),
        ("-", None),
        ("90초", 90),
    ],
)
def test_lengths(cell: Any, meaning: int | None) -> None:
    assert seconds(cell) == meaning


@pytest.mark.parametrize(
    ("cell", "meaning"),
    [
        ("1979-03-05", "1979-03-05"),
        ("19790305", "1979-03-05"),
        ("1979.3.5", "1979-03-05"),
        ("1979년 3월 5일", "1979-03-05"),
        ("03/05/1979", "03/05/1979"),
        ("11/20", "11/20"),
        ("0000-00-00", ""),
        ("1979-13-45", "1979-13-45"),
        ("1979-03-05T00:00:00Z", "1979-03-05"),
    ],
)
def test_birthdays_keep_their_meaning(cell: str, meaning: str) -> None:
    assert birthday(cell) == meaning


@given(st.text(max_size=40))
def test_no_cell_breaks_a_reading(cell: str) -> None:
    """Whatever stands in it: a meaning, nothing, or a reason."""
    for reading in (yes_or_no, direction, seconds):
        try:
            reading(cell)
        except WordUnknown as error:
            assert str(error)
    assert isinstance(birthday(cell), str)
    assert isinstance(unquoted(cell), str)


def test_answers_are_given_when_the_file_says_it_else_at_the_import(tmp_path: Path) -> None:
    """In the site's zone; each channel is an answer of its own in the record of consent."""
    text = "email,subscribed,sms_consent,consent_at,unsub_time\n"
    text += "a@b.test,yes,no,2026-01-02 09:00:00,2026-03-01T00:00:00Z\nb@b.test,yes,,2026-01-02 09:00:00,\n"
    found, now = customers(tmp_path, text + "c@b.test,yes,,some day,\n"), 1_795_000_000_000
    told = {name: statement_of(consent_event("default", one, 0, now)) for name, one in found.items()}
    assert not any(one.losses for one in told.values())
    given = {name: {one.given_at for one in each.answers} for name, each in told.items()}
    assert given == {"a@b.test": {1_772_323_200_000}, "b@b.test": {1_767_312_000_000}, "c@b.test": {now}}
    answers = [(one.purpose, one.channel, one.given, one.source) for one in told["b@b.test"].answers]
    assert answers == [
        ("marketing", "", True, "import-contacts"),
        ("marketing", "email", True, "import-contacts"),
    ]
