"""A message → the mail that one person gets. It does no I/O."""

from collections.abc import Mapping
from html import escape
from uuid import NAMESPACE_URL, uuid5

import msgspec

from messages.email.filling import values_of
from messages.email.links import TOKEN, LinkRules
from messages.email.marks import MailMark, MailMarks
from messages.email.mime import clean, date_of, encoded, folded, mail, mailbox, word
from messages.email.recipient import recipient
from messages.email.signing import signing
from messages.email.smtp.server import Sender
from messages.message import Message, Unprintable
from messages.permission.addresses import AddressDigests
from messages.permission.wording import footer, labelled
from offers.campaign.mails.content import MailInvalid
from offers.campaign.mails.template import MailTemplate, template_of

SIZE_LIMIT = 1024 * 1024
"""Bytes of a mail."""
MARK_HEADER = "X-Dangol-Mark"
WORDS = {"en": ("Unsubscribe", "Preferences"), "ko": ("수신거부", "수신 설정")}


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to hand over. ``subject``, ``text`` and ``html`` are for a preview."""

    sender: str
    recipient: str
    international: bool
    data: bytes
    subject: str
    text: str
    html: str


class LetterWriter:
    """Writes the mails of one installation."""

    def __init__(self, sender: Sender, marks: MailMarks, digests: AddressDigests) -> None:
        self._sender, self._marks, self._digests = sender, marks, digests
        self._signed = signing(sender)

    def write(self, message: Message) -> Letter:
        """Raises Unprintable."""
        to = recipient(message.address)
        try:
            template = template_of(message.content)
            filled = template.fill(values_of(message, template.names))
        except MailInvalid as error:
            raise Unprintable(str(error)) from error
        subject = labelled(clean(filled["subject"]), message.duties)
        if not subject:
            raise Unprintable("the subject is empty for this person")
        digest = self._digests.digest(message.site.id, "email", message.address, message.profile.country)
        mark = MailMark(
            message.site.id,
            message.profile.id,
            message.id,
            message.campaign,
            message.variant,
            digest,
            message.token,
        )
        signed = self._marks.sign(mark)
        html, text = self._parts(message, template, filled, signed)
        headers = self._headers(message, subject, filled["from_name"], to.address, signed)
        data = self._signed(mail(headers, text, html, f"dg-{uuid5(NAMESPACE_URL, message.id).hex}"))
        if len(data) > SIZE_LIMIT:
            raise Unprintable(f"the mail is larger than {SIZE_LIMIT:,} bytes")
        return Letter(
            sender=self._marks.return_path(message.site.id, digest, self._sender.domain),
            recipient=to.address,
            international=to.international,
            data=data,
            subject=subject,
            text=text,
            html=html,
        )

    def _parts(
        self, message: Message, template: MailTemplate, filled: Mapping[str, str], mark: str
    ) -> tuple[str, str]:
        """HTML and text with their links, their end and the pixel."""
        links = message.links
        prefix = f"{links.click}/{mark}" if links.click else ""
        counted = (lambda target: self._marks.click(prefix, target)) if prefix else None
        rules = LinkRules(
            message.site, _parameters(message), frozenset({links.unsubscribe, links.preferences, ""}), counted
        )
        lines = footer(message.duties, message.site, links.unsubscribe, message.lang)
        names = WORDS["ko" if message.lang.lower().startswith("ko") else "en"]
        ends = [
            (name, link)
            for name, link in zip(names, (links.unsubscribe, links.preferences), strict=True)
            if link and not (name == names[0] and template.links_unsubscribe)
        ]
        pixel = (
            f'<img src="{escape(links.opened)}/{mark}" width="1" height="1" alt="">' if links.opened else ""
        )
        end_html = _end_html(lines, ends, links.unsubscribe)
        html = rules.html(filled["html"])
        at = html.lower().rfind("</body>")
        at = len(html) if at < 0 else at
        html = f"{html[:at]}{end_html}{pixel}{html[at:]}"
        told = [*lines, *(f"{name}: {link}" for name, link in ends if link not in " ".join(lines))]
        text = (
            rules.text(filled["text"]).rstrip() + "\n" + ("\n-- \n" + "\n".join(told) + "\n" if told else "")
        )
        return html, text

    def _headers(
        self, message: Message, subject: str, from_name: str, to: str, mark: str
    ) -> list[tuple[str, str]]:
        site, sender = message.site, self._sender
        name = from_name or sender.name or site.name or site.id
        marketing = message.message_class == "marketing"
        topic = word(message.topic or message.campaign)
        headers = [
            ("From", mailbox(name, sender.address)),
            ("To", to),
            ("Subject", encoded(subject)),
            ("Date", date_of(message.at)),
            ("Message-ID", f"<{word(message.id)}@{sender.domain}>"),
        ]
        if message.links.unsubscribe:
            headers += [
                ("List-Unsubscribe", f"<{message.links.unsubscribe}>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ]
        if marketing:
            headers.append(("List-ID", f"<{topic}.{word(site.id)}.{sender.domain}>"))
            headers.append(("Precedence", "bulk"))
        if message.trigger or not marketing:
            headers.append(("Auto-Submitted", "auto-generated"))
        feedback = (message.campaign, message.variant, message.message_class, site.id)
        headers.append(("Feedback-ID", ":".join(word(each)[:40] for each in feedback)))
        headers.append((MARK_HEADER, folded(mark)))
        return headers


def _parameters(message: Message) -> dict[str, str]:
    told = {
        "utm_source": message.site.id,
        "utm_medium": "email",
        "utm_campaign": message.campaign,
        "utm_content": message.variant,
        TOKEN: message.token,
    }
    return {name: value for name, value in told.items() if value}


def _end_html(lines: tuple[str, ...], ends: list[tuple[str, str]], unsubscribe: str) -> str:
    if not lines and not ends:
        return ""
    linked = f'<a href="{escape(unsubscribe)}">{escape(unsubscribe)}</a>'
    told = [
        escape(line).replace(escape(unsubscribe), linked) if unsubscribe else escape(line) for line in lines
    ]
    named = " · ".join(f'<a href="{escape(link)}">{escape(name)}</a>' for name, link in ends)
    style = "font-family:Arial,Helvetica,sans-serif;font-size:12px;line-height:1.5;color:#555555;text-align:center"
    return f'<div style="{style}">{"<br>".join([*told, *([named] if named else [])])}</div>'
