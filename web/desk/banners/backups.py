"""Backups that do not know of the newest erasures: every page says so."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from profiles.store.port import ProfilesUnavailable


def register_backup_banner(app: Flask, behind: Callable[[], bool]) -> None:
    """``backups_behind()`` for every page."""

    def backups_behind() -> bool:
        try:
            return behind()
        except ProfilesUnavailable:
            return False  # of this the page itself tells

    @app.context_processor
    def trouble() -> dict[str, Any]:
        return {"backups_behind": backups_behind}
