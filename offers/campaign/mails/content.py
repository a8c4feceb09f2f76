"""What a marketer writes of a mail: its shape and its limits."""

from typing import Any, Literal

import msgspec

SOURCE_LIMIT = 128 * 1024
"""Characters of MJML or HTML."""
LINE_LIMIT = 200
TEXT_LIMIT = 32 * 1024
BLOCKS_LIMIT = 60
BlockType = Literal["heading", "text", "image", "button", "items", "coupon", "divider"]


class MailInvalid(ValueError):
    """Content that is no mail; the message says what is wrong and where."""


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"kind": "type"}):
    """A simple part of a mail. ``text`` is of headings, texts, buttons and coupons; ``src`` and ``alt`` of an image;
    ``link`` of an image or a button. ``items`` shows the recommended items."""

    kind: BlockType
    text: str = ""
    src: str = ""
    alt: str = ""
    link: str = ""


class MailContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly one of ``mjml``, ``html`` and ``blocks`` is given. Without ``text`` it is derived from the HTML.
    All of them may hold Liquid (``offers.campaign.mails.template``)."""

    subject: str
    preheader: str = ""
    mjml: str = ""
    html: str = ""
    blocks: tuple[Block, ...] = ()
    text: str = ""
    from_name: str = ""


def mail_content(content: Any) -> MailContent:
    """Raises MailInvalid."""
    try:
        mail = msgspec.convert(content, MailContent)
    except msgspec.ValidationError as error:
        raise MailInvalid(str(error).replace("`$.", "`").replace("`$", "`content")) from error
    if sum(map(bool, (mail.mjml.strip(), mail.html.strip(), mail.blocks))) != 1:
        raise MailInvalid("a mail has exactly one of mjml, html and blocks")
    if not mail.subject.strip():
        raise MailInvalid("subject is empty")
    for field, limit in (
        ("subject", LINE_LIMIT),
        ("preheader", LINE_LIMIT),
        ("from_name", LINE_LIMIT),
        ("text", TEXT_LIMIT),
        ("mjml", SOURCE_LIMIT),
        ("html", SOURCE_LIMIT),
    ):
        value = getattr(mail, field)
        if len(value) > limit:
            raise MailInvalid(f"{field} is longer than {limit:,} characters")
        if limit == LINE_LIMIT and not value.isprintable():
            raise MailInvalid(f"{field} holds a line break or a control character")
    if len(mail.blocks) > BLOCKS_LIMIT:
        raise MailInvalid(f"more than {BLOCKS_LIMIT} blocks")
    for index, block in enumerate(mail.blocks):
        _check_block(block, f"blocks[{index}]")
    return mail


def _check_block(block: Block, where: str) -> None:
    needed = {"heading": ["text"], "text": ["text"], "button": ["text", "link"], "image": ["src"]}
    for field in needed.get(block.kind, []):
        if not getattr(block, field).strip():
            raise MailInvalid(f"{where}.{field} is empty")
    if sum(map(len, (block.text, block.src, block.alt, block.link))) > SOURCE_LIMIT // 8:
        raise MailInvalid(f"{where} is longer than {SOURCE_LIMIT // 8:,} characters")
