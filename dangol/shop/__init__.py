"""The demo shop: a web site that knows Dangol only through the snippet and the public HTTP API."""

from dangol.shop.app import create_shop

__all__ = ["create_shop"]
