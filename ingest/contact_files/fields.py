"""The fields of a customer and of a call, what their columns are called in exports, and which export a file is."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ingest.files.columns import Needed, plain

_USER = (
    *(
        "customerid",
        "userid",
        "memberid",
        "contactid",
        "clientid",
        "customernumber",
        "membernumber",
        "recordid",
    ),
    *("customer", "user", "member", "id", "고객번호", "고객id", "회원번호", "회원아이디", "회원id", "아이디"),
    *("고객아이디", "username"),
)
_EMAIL = (
    *(
        "email",
        "emailaddress",
        "useremail",
        "customeremail",
        "mail",
        "이메일",
        "이메일주소",
        "메일",
        "메일주소",
    ),
    *("고객이메일", "회원이메일"),
)

CUSTOMER_FIELDS: dict[str, tuple[str, ...]] = {
    "user": _USER,
    "email": _EMAIL,
    "name": (
        "name",
        "fullname",
        "customername",
        "displayname",
        "이름",
        "성명",
        "고객명",
        "회원명",
        "회원이름",
    ),
    "first_name": ("firstname", "givenname", "fname", "billingfirstname"),
    "last_name": ("lastname", "surname", "familyname", "lname", "billinglastname"),
    "phone": (
        *(
            "phone",
            "phonenumber",
            "mobilephonenumber",
            "mobilephone",
            "mobile",
            "telephone",
            "tel",
            "cellphone",
        ),
        *(
            "billingphone",
            "smsphonenumber",
            "휴대폰",
            "휴대폰번호",
            "휴대전화",
            "휴대전화번호",
            "핸드폰",
            "핸드폰번호",
        ),
        *("전화번호", "연락처", "일반전화"),
    ),
    "birthday": ("birthday", "birthdate", "dateofbirth", "dob", "생일", "생년월일", "생일년월일"),
    "gender": ("gender", "sex", "성별"),
    "city": ("city", "defaultaddresscity", "billingcity", "도시"),
    "country": (
        *("country", "countrycode", "defaultaddresscountrycode", "countryregion", "billingcountry", "국가"),
    ),
    "grade": ("grade", "tier", "level", "membership", "lifecyclestage", "회원등급", "등급"),
    "tags": ("tags", "tag", "labels", "groups", "태그"),
    "created": (
        *("createdat", "created", "createdate", "dateregistered", "registered", "registrationdate", "signup"),
        *(
            "signupdate",
            "joined",
            "joindate",
            "membersince",
            "dateadded",
            "가입일",
            "회원가입일",
            "가입일시",
            "등록일",
        ),
    ),
    "marketing": (
        *(
            "acceptsemailmarketing",
            "acceptsmarketing",
            "emailmarketingconsent",
            "emailmarketing",
            "marketing",
        ),
        *(
            "marketingconsent",
            "newsletter",
            "subscribed",
            "optin",
            "emailoptin",
            "이메일수신여부",
            "이메일수신동의",
        ),
        *(
            "메일수신여부",
            "메일수신동의",
            "뉴스메일수신",
            "뉴스메일",
            "수신동의",
            "마케팅수신동의",
            "마케팅동의",
        ),
        *("emailsubscriptionstatus", "emailpermissionstatus"),
    ),
    "sms": (
        *(
            "acceptssmsmarketing",
            "smsmarketing",
            "smsconsent",
            "smsoptin",
            "smsmarketingconsent",
            "sms수신여부",
        ),
        *("sms수신동의", "sms", "문자수신", "문자수신동의"),
    ),
    "unsubscribed": ("unsubscribedfromallemail", "unsubscribed", "optedout", "optout", "수신거부"),
    "consent_time": ("confirmtime", "optintime", "consenttime", "consentat", "subscribedat", "수신동의일"),
    "unsubscribe_time": ("unsubtime", "unsubscribedat", "수신거부일"),
}
CUSTOMER_NEEDED = (Needed("the customer's id or e-mail", ("user", "email")),)

CALL_FIELDS: dict[str, tuple[str, ...]] = {
    "id": (
        "callid",
        "calluuid",
        "uniqueid",
        "contactid",
        "ticketid",
        "caseid",
        "uuid",
        "id",
        "통화id",
        "상담번호",
    ),
    "time": (
        *(
            "time",
            "starttime",
            "startedat",
            "calltime",
            "calldate",
            "datetime",
            "timestamp",
            "createdat",
            "date",
        ),
        *("start", "통화일시", "상담일시", "통화시작", "접수일시", "일시", "날짜"),
    ),
    "user": _USER,
    "email": _EMAIL,
    "kind": ("kind", "contacttype", "contactkind", "channel", "medium", "채널", "접촉유형", "접수경로"),
    "direction": (
        "direction",
        "calltype",
        "calldirection",
        "inout",
        "type",
        "수발신",
        "수신발신",
        "통화구분",
        "구분",
    ),
    "duration": (
        *("duration", "durationseconds", "seconds", "talktime", "billsec", "callduration", "length"),
        *("통화시간", "상담시간", "소요시간"),
    ),
    "agent": ("agent", "agentname", "operator", "owner", "assignee", "rep", "상담원", "상담사", "담당자"),
    "topic": ("topic", "subject", "reason", "category", "상담유형", "문의유형", "주제", "제목", "상담분류"),
    "outcome": (
        "outcome",
        "result",
        "disposition",
        "status",
        "resolution",
        "결과",
        "처리결과",
        "상담결과",
        "상태",
    ),
    "note": (
        "note",
        "notes",
        "comment",
        "comments",
        "memo",
        "description",
        "메모",
        "내용",
        "상담내용",
        "비고",
    ),
}
CALL_NEEDED = (
    Needed("the customer's id or e-mail", ("user", "email")),
    Needed("the time", ("time",)),
)


class ContactPreset(NamedTuple):
    """An export is known by ``marks``, all of which it has. ``names`` go before the common ones."""

    name: str
    marks: frozenset[str]
    names: Mapping[str, tuple[str, ...]] = {}


PRESETS = (
    ContactPreset("Shopify", frozenset({"customerid", "acceptsemailmarketing"}), {"name": ()}),
    ContactPreset("Shopify", frozenset({"acceptsmarketing", "totalspent", "firstname"}), {"name": ()}),
    ContactPreset("Mailchimp", frozenset({"emailaddress", "leid", "euid"}), {"user": ()}),
    ContactPreset("Mailchimp", frozenset({"emailaddress", "optintime", "memberrating"}), {"user": ()}),
    ContactPreset("HubSpot", frozenset({"recordid", "email"}), {"user": ("customerid", "recordid")}),
    ContactPreset("WooCommerce", frozenset({"username", "email", "totalspend"})),
    ContactPreset(
        "WooCommerce", frozenset({"customerid", "billingemail"}), {"email": ("email", "billingemail")}
    ),
    ContactPreset("Cafe24", frozenset({"아이디", "회원등급"})),
    ContactPreset("Cafe24", frozenset({"회원아이디", "가입일"})),
)
"""Files of customers. Who writes a name, a customer's id, is not looked for where it would be something else."""


def preset_of(names: Collection[str]) -> ContactPreset:
    """Which export of customers has these columns; one without a name for any other."""
    have = {plain(name) for name in names}
    return next((each for each in PRESETS if each.marks <= have), ContactPreset("", frozenset()))
