"""The channel of e-mail: settings enter, its transport leaves."""

from pathlib import Path
from typing import TYPE_CHECKING

from dangol.settings import Settings, SettingsInvalid

if TYPE_CHECKING:
    from messages.email.letter import LetterWriter
    from messages.email.marks import MailMarks
    from messages.email.transport import EmailTransport


def mail_marks(settings: Settings) -> "MailMarks":
    """What signs the marks of mails, by the key that also signs their links."""
    from messages.email.marks import MailMarks
    from messages.permission.kept_key import KeptKey

    return MailMarks(KeptKey(settings.profiles_uri))


def letter_writer(settings: Settings) -> "LetterWriter":
    """Raises SettingsInvalid."""
    from dangol.compose.storage import address_digests
    from messages.email.letter import LetterWriter
    from messages.email.smtp.server import ServerInvalid, sender

    try:
        key = Path(settings.dkim_key).read_text(encoding="ascii") if settings.dkim_key else ""
        told = sender(
            settings.mail_from, domain=settings.mail_domain, selector=settings.dkim_selector, key=key
        )
        return LetterWriter(told, mail_marks(settings), address_digests(settings)[0])
    except (ServerInvalid, OSError, UnicodeError) as error:
        raise SettingsInvalid(f"DANGOL_MAIL_FROM, DANGOL_MAIL_DOMAIN, DANGOL_DKIM_KEY: {error}") from error


def email_transport(settings: Settings) -> "EmailTransport | None":
    """None without ``smtp``. To be made inside the event loop that sends. Raises SettingsInvalid."""
    from messages.email.smtp.pool import SmtpPool
    from messages.email.smtp.server import ServerInvalid, mail_server
    from messages.email.transport import EmailTransport

    if not settings.smtp:
        return None
    try:
        server = mail_server(settings.smtp)
    except ServerInvalid as error:
        raise SettingsInvalid(f"DANGOL_SMTP: {error}") from error
    domain = settings.mail_domain or settings.mail_from.rpartition("@")[2]
    return EmailTransport(letter_writer(settings), SmtpPool(server, domain or "localhost"))
