"""Backups that do not know of the newest erasures: every page says so."""

from typing import Any

from flask import Flask

from profiles.store.port import ProfilesUnavailable
from web.stores import Stores


def register_backup_alarm(app: Flask, stores: Stores) -> None:
    """``backups_behind()`` for every page."""

    def backups_behind() -> bool:
        try:
            return stores.health.backups_behind()
        except ProfilesUnavailable:
            return False  # of this the page itself tells

    @app.context_processor
    def trouble() -> dict[str, Any]:
        return {"backups_behind": backups_behind}
