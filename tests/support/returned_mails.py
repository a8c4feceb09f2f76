"""Bounces and complaints as servers send them, about a mail of ours."""

from messages.email.letter import Letter


def headers_of(letter: Letter) -> str:
    return letter.data.decode().partition("\r\n\r\n")[0] + "\r\n"


def report(
    kind: str, letter: Letter, machine: str, part: str = "message/delivery-status", to: str | None = None
) -> bytes:
    """A multipart/report (RFC 3462)."""
    return (
        "From: MAILER-DAEMON@mx.example\r\n"
        f"To: {letter.sender if to is None else to}\r\n"
        "Subject: Returned mail\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        f"--b\r\nContent-Type: {part}\r\n\r\n{machine}\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{headers_of(letter)}\r\n--b--\r\n"
    ).encode()


def bounce(
    letter: Letter, action: str = "failed", status: str = "5.1.1", code: str = "550", to: str | None = None
) -> bytes:
    machine = (
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {letter.recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {code} {status} it is so\r\n"
    )
    return report("delivery-status", letter, machine, to=to)


def complaint(letter: Letter, feedback: str = "abuse", to: str = "abuse@shop.example") -> bytes:
    machine = (
        f"Feedback-Type: {feedback}\r\nUser-Agent: mx/1\r\nVersion: 1\r\n"
        f"Original-Mail-From: <{letter.sender}>\r\n"
    )
    return report("feedback-report", letter, machine, part="message/feedback-report", to=to)
