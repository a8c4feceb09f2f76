"""What the fields of one log line say: the request, the page's address, the referrer, the browser's name."""

import re
from typing import NamedTuple

from tracker.admission.privacy import scrub

URL_LIMIT = 2_000

_STATIC = """
7z aac apk avi avif bin bmp bz2 css csv cur deb dmg doc docx eot exe flac gif gz ico iso jar jpe jpeg jpg js jxl m3u8
m4a m4s m4v map mjs mov mp3 mp4 mpeg mpg msi odp ods odt ogg ogv otf pdf png ppt pptx rar rpm rtf svg svgz swf tar tgz
tif tiff ttf txt wasm wav webm webmanifest webp wmv woff woff2 xls xlsx xz zip zst
"""
STATIC = frozenset(_STATIC.split())
"""Endings of files that are parts of pages or downloads, not pages."""
STATIC_FILES = frozenset({"/sitemap.xml", "/crossdomain.xml", "/browserconfig.xml"})

_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"b": b"\b", b"f": b"\f"}
_UNSAFE = re.compile(rb"[^!-~]")
_METHOD = re.compile(r"[A-Z]{1,20}")


SURELY_STATIC = rf"^(?:GET|POST) /[!-\"$->@-~]*\.(?i:{'|'.join(sorted(STATIC))})(?:\?[!-~]*)? HTTP/[0-9.]+$"
"""Request lines for static files, for RE2: others may be static, too."""


class Request(NamedTuple):
    """``fate``: "" for a page view, else why it is none: malformed, head, method or static. ``target``: the address as
    it may be kept."""

    fate: str
    target: str = ""


def request(line: str) -> Request:
    """A request line: ``GET /path?query HTTP/1.1``."""
    method, _, rest = line.partition(" ")
    target, _, protocol = rest.rpartition(" ")
    if not target or not protocol.startswith("HTTP/"):
        target = rest
    return of_method(method, target)


def of_method(method: str, target: str) -> Request:
    """The same of a method and a request target that the format has apart."""
    if not _METHOD.fullmatch(method) or not target:
        return Request("malformed")
    if method == "HEAD":
        return Request("head", address(target))
    if method not in ("GET", "POST"):
        return Request("method")
    if not target.startswith("/") and not target.lower().startswith(("http://", "https://")):
        return Request("malformed")
    return Request("static" if is_static(target) else "", address(target))


def is_static(target: str) -> bool:
    """Whether the address is a file's that is no page."""
    path = target.partition("?")[0].partition("#")[0].lower()
    if path in STATIC_FILES:
        return True
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2] in STATIC if "." in name else False


def address(text: str) -> str:
    """A URL as the log has it, as it may be kept: escapes as ``%HH``, without personal data, not endless."""
    if text == "-":
        return ""
    if "\\" in text:
        text = _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], raw(text)).decode()
    return scrub(text[:URL_LIMIT])


def agent(text: str) -> str:
    """A user agent as the browser sent it, "" for none."""
    if text == "-":
        return ""
    return raw(text).decode("utf-8", "replace").replace("\0", "") if "\\" in text else text


def page_url(host: str, target: str) -> str:
    """The URL of a page: ``target`` on ``host``. Without a host the path alone, which starts with one slash."""
    if not target.startswith("/"):
        return target
    return f"https://{host}{target}" if host else "/" + target.lstrip("/")


def raw(text: str) -> bytes:
    """The bytes that a server wrote down as ``\\xHH``, ``\\"`` and ``\\\\``.

    >>> raw(r"\\xbf\\xee \\"a\\"")
    b'\\xbf\\xee "a"'
    """
    return _ESCAPE.sub(_unescaped, text.encode())


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes.fromhex(found[1].decode())
    return _CONTROLS.get(found[2], found[2])
