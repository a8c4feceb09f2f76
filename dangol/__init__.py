"""Dangol (단골): the composition root. Settings, command line, supervisor, demo shop."""

__version__ = "0.1.0"
