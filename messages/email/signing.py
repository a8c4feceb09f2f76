"""DKIM signatures (RFC 6376), where the relay does not sign itself."""

from collections.abc import Callable

import dkim

from messages.email.smtp.server import Sender, ServerInvalid

SIGNED = (
    "from", "to", "subject", "date", "message-id", "mime-version", "content-type", "list-unsubscribe",
    "list-unsubscribe-post", "list-id", "feedback-id", "auto-submitted",
)  # fmt: skip
"""RFC 8058 asks that the List-Unsubscribe headers are among them."""


def signing(sender: Sender) -> Callable[[bytes], bytes]:
    """What signs a mail with the sender's key, or leaves it as it is without one. Raises ServerInvalid."""
    if not sender.dkim_key:
        return lambda data: data
    selector, domain = sender.dkim_selector.encode(), sender.address.rpartition("@")[2].encode()
    key = sender.dkim_key.encode()
    included = [name.encode() for name in SIGNED]

    def sign(data: bytes) -> bytes:
        present = _present(data)
        headers = [name for name in included if name in present]
        made: bytes = dkim.sign(
            data, selector, domain, key, canonicalize=(b"relaxed", b"relaxed"), include_headers=headers
        )
        return made + data

    try:
        sign(b"From: a@b.example\r\nSubject: x\r\n\r\nx\r\n")
    except Exception as error:
        raise ServerInvalid("the DKIM key is no RSA key in PEM") from error
    return sign


def _present(data: bytes) -> set[bytes]:
    head = data.partition(b"\r\n\r\n")[0]
    return {line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")}
