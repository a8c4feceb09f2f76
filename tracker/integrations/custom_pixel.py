"""The script for browsing on Shopify, which a shop pastes into its admin."""

import re
from importlib.resources import files

_HOST = re.compile(r"https?://[A-Za-z0-9.\-:\[\]]+(/[A-Za-z0-9._~/-]*)?")
_KEY = re.compile(r"[A-Za-z0-9._~-]+")


def custom_pixel(host: str, write_key: str) -> str:
    """The script that sends to the tracker at ``host`` with the site's public key. Raises ValueError for a host or key
    that a script cannot hold as it is."""
    if not _HOST.fullmatch(host) or not _KEY.fullmatch(write_key):
        raise ValueError(f"neither {host!r} nor the write key may hold quotes or blanks")
    script = files("tracker.integrations").joinpath("shopify_pixel.js").read_text("utf-8")
    return script.replace("%HOST%", host.rstrip("/")).replace("%KEY%", write_key)
