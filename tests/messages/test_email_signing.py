"""DKIM and TLS: verified by other means than those that signed."""

import asyncio
import base64
import hashlib
import re
import subprocess
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from messages.email.signing import SIGNED, signing
from messages.email.smtp.connection import SmtpConnection
from messages.email.smtp.pool import SmtpPool
from messages.email.smtp.server import MailServer, ServerInvalid, sender
from messages.email.transport import EmailTransport
from messages.message import NotSent
from tests.support.mail_server import Inbox, client_context, mail_server, server_context
from tests.support.mails import message, writer

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def relaxed(name: str, value: str) -> str:
    """RFC 6376, 3.4.2."""
    unfolded = re.sub(r"\r\n(?=[ \t])", "", value)
    value = re.sub(r"[ \t]+", " ", unfolded).strip()
    return f"{name.lower().strip()}:{value}"


def verified(data: bytes, key: rsa.RSAPrivateKey) -> dict[str, str]:
    """The tags of the signature, by the RFC's text and another library. Raises InvalidSignature."""
    head, _, body = data.decode().partition("\r\n\r\n")
    headers = [tuple(each.split(":", 1)) for each in re.split(r"\r\n(?![ \t])", head)]
    tags = dict(
        part.strip().split("=", 1) for part in re.sub(r"\s+", " ", headers[0][1]).strip(" ;").split(";")
    )
    lines = [re.sub(r"[ \t]+", " ", line).rstrip(" ") for line in body.split("\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    canonical = "".join(f"{line}\r\n" for line in lines)
    assert base64.b64encode(hashlib.sha256(canonical.encode()).digest()).decode() == tags["bh"].replace(
        " ", ""
    )
    pool = list(headers[1:])
    signed = ""
    for name in tags["h"].replace(" ", "").split(":"):
        found = next((each for each in reversed(pool) if each[0].lower() == name), None)
        if found is not None:
            pool.remove(found)
            signed += relaxed(*found) + "\r\n"
    signed += re.sub(r"\bb=[^;]*", "b=", relaxed(*headers[0]))
    signature = base64.b64decode(tags["b"].replace(" ", ""))
    key.public_key().verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return tags


def test_a_signature_holds_by_the_standards_text(key):
    signing_sender = sender("hello@shop.example", domain="mail.shop.example", selector="s1", key=pem(key))
    for content in (
        {"subject": "할인 " * 30, "html": "<p>안녕</p>"},
        {"subject": "x", "html": ".\n. x\n\n\n"},
    ):
        data = writer(signing_sender).write(message(content=content)).data
        tags = verified(data, key)
        assert tags["d"] == "shop.example" and tags["s"] == "s1" and tags["a"] == "rsa-sha256"
        assert {"from", "list-unsubscribe", "list-unsubscribe-post"} <= set(
            tags["h"].replace(" ", "").split(":")
        )
        assert set(tags["h"].replace(" ", "").split(":")) <= set(SIGNED)
    with pytest.raises(Exception):  # noqa: B017 whichever way it fails
        verified(data.replace(b"Subject: x", b"Subject: y"), key)


def test_what_is_no_key_is_said_at_once():
    with pytest.raises(ServerInvalid, match="DKIM"):
        signing(msgspec.structs.replace(sender("a@b.example"), dkim_key="nonsense", dkim_selector="s"))
    with pytest.raises(ServerInvalid, match="selector"):
        sender("a@b.example", key="x")
    for wrong in ("", "x", "a@b", "김@shop.example", "a@b.example\r\nX: y"):
        with pytest.raises(ServerInvalid):
            sender(wrong)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost"
    subprocess.run(
        [*command.split(), "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True,
        capture_output=True,
    )
    return folder


def test_starttls_comes_first_and_the_certificate_is_checked(certificate):
    inbox = Inbox()
    tls = server_context(str(certificate / "cert.pem"), str(certificate / "key.pem"))

    async def run(port: int) -> None:
        server = MailServer(host="localhost", port=port)
        trusting = client_context(str(certificate / "cert.pem"))
        transport = EmailTransport(writer(), SmtpPool(server, "d.example", tls_context=trusting))
        assert (await transport.send(transport.prepare(message()))).handed_over
        await transport.close()
        with pytest.raises(NotSent):
            await SmtpConnection(server, "d.example", 5.0).connect()

    with mail_server(inbox, tls_context=tls, require_starttls=True) as port:
        asyncio.run(run(port))
    assert len(inbox.taken) == 1
