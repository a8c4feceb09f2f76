"""Dangol (단골): settings, command line, supervisor, demo shop. Only this folder puts the others together."""

__version__ = "0.1.0"
