"""What a shop's word for the state of an order, or of one of its lines, says about its money."""

import re
from collections.abc import Mapping
from typing import Literal

State = Literal["paid", "unpaid", "cancelled", "refunded", "partly", ""]
"""partly: a part was refunded. "": nothing is said."""

_WORDS: dict[State, str] = {
    "paid": """paid completed complete processing shipped delivered fulfilled invoiced approved authorized_and_captured
        captured partially_paid partially_shipped sent sold success succeeded settled payment_accepted
        processing_in_progress remote_payment_accepted on_backorder_(paid) preparing ready awaiting_shipment
        awaiting_fulfillment packed in_transit picked confirmed closed order bezahlt versendet abgeschlossen payee
        livre expedie""",
    "unpaid": """pending pending_payment payment_pending unpaid awaiting_payment on_hold onhold holded hold failed
        failure declined draft trash checkout_draft auto_draft expired voided void authorized payment_review fraud
        suspected_fraud payment_error created new abandoned awaiting_check_payment awaiting_bank_wire_payment
        on_backorder_(not_paid) error incomplete open offen""",
    "cancelled": "cancelled canceled cancel cancellation storniert annule annulee cancelado unavailable",
    "refunded": "refunded refund returned return chargeback charged_back erstattet rembourse reversed",
    "partly": "partially_refunded partial_refund partially_returned partly_refunded",
}
_STATES = {word: state for state, words in _WORDS.items() for word in words.split()}
_CREDIT = {
    "refund",
    "return",
    "returned",
    "credit",
    "credit_note",
    "creditnote",
    "credit_memo",
    "gutschrift",
    "avoir",
    "retoure",
}
_NOT_YET = re.compile("신청|접수|요청|철회|거부|보류")
_KOREAN: tuple[tuple[str, State], ...] = (
    ("부분환불", "partly"),
    ("부분취소", "partly"),
    ("환불", "refunded"),
    ("반품", "refunded"),
    ("취소", "cancelled"),
    ("입금전", "unpaid"),
    ("입금대기", "unpaid"),
    ("결제전", "unpaid"),
    ("결제대기", "unpaid"),
    ("미결제", "unpaid"),
    ("미입금", "unpaid"),
    ("결제실패", "unpaid"),
    ("실패", "unpaid"),
)
_HANGUL = re.compile("[가-힣]")


def state_of(word: str, own: Mapping[str, State]) -> State | None:
    """The state, by the export's ``own`` words first; None for a word that is not known, which an import names and
    takes for a sale."""
    plain = "_".join(word.lower().removeprefix("wc-").replace("-", " ").replace("_", " ").split())
    if not plain:
        return ""
    if _HANGUL.search(plain):
        whole = plain.replace("_", "")
        if _NOT_YET.search(whole):  # asked for, and not done
            return "paid"
        return next((state for part, state in _KOREAN if part in whole), "paid")
    return own.get(plain) or _STATES.get(plain)


def is_credit(kind: str) -> bool:
    """Whether a row of this kind is a credit note or return."""
    plain = "_".join(kind.lower().replace("-", " ").split())
    return plain in _CREDIT or any(part in kind for part in ("반품", "환불", "취소"))
