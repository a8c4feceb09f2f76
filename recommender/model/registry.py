"""The model registry of one site: all versions, and which one serves. New ones are swapped in while requests run."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from recommender.data.params_file import ParamsFile
from recommender.model.card import Card
from recommender.model.model import Model, ModelUnusable, load, read_manifest, save, warm
from tracker.disk import flush, write

log = logging.getLogger("dangol.recommender")


class ModelRegistry:
    """``root/site/versions/<version>/`` holds a model each; the file ``root/site/live`` names the one that serves;
    ``root/site/params.toml`` holds the site's parameters.

    Publishing is the rename of a finished folder and then of that file: a reader sees a whole model or the old one.
    """

    def __init__(
        self,
        root: Path,
        site: str,
        keep: int = 10,
        clock: Callable[[], float] = time.time,
        every: float = 1.0,
    ) -> None:
        self.folder = root / quote(site, safe="")
        self._versions = self.folder / "versions"
        self._pointer = self.folder / "live"
        self.params = ParamsFile(self.folder / "params.toml", clock, every)
        self._keep, self._clock, self._every = keep, clock, every
        self._model: Model | None = None
        self._tried: str | None = None  # the version loaded last, or the one that failed to load
        self._checked = -1e18
        self._lock = threading.Lock()

    def new_version(self) -> str:
        """A name that sorts by time and is not taken."""
        stamp = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H%M%SZ")
        taken = {path.name for path in self._versions.glob(f"{stamp}*")}
        return next(
            name for n in range(1, 10_000) if (name := stamp if n == 1 else f"{stamp}-{n}") not in taken
        )

    def add(self, model: Model) -> None:
        """Store a model as a version without serving it."""
        draft = self.folder / f".draft-{os.getpid()}-{model.card.version}"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            save(model, draft)
            for path in draft.iterdir():
                flush(path)
            flush(draft)
            self._versions.mkdir(parents=True, exist_ok=True)
            draft.rename(self._versions / model.card.version)
            flush(self._versions)
            flush(self.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def publish(self, version: str) -> None:
        """Serve ``version`` from now on, be it newer or older. Raises ModelUnusable."""
        load(self._versions / version)
        previous = self.live_version()
        write(self._pointer, version.encode())
        self._retire({version, previous or version})

    def rollback(self) -> str | None:
        """Serve the newest accepted version older than the live one; its name, or None when there is none."""
        live = self.live_version()
        older = [card.version for card in self.cards() if card.accepted and live and card.version < live]
        if not older:
            return None
        self.publish(older[0])
        return older[0]

    def cards(self) -> list[Card]:
        """Cards of every readable version, newest first."""
        found = []
        for folder in sorted(self._versions.glob("*"), reverse=True):
            try:
                found.append(read_manifest(folder).card)
            except ModelUnusable as error:
                log.warning("model left out: %s", error)
        return found

    def live_version(self) -> str | None:
        try:
            return self._pointer.read_text().strip() or None
        except FileNotFoundError:
            return None

    def load(self, version: str) -> Model:
        """Raises ModelUnusable."""
        return load(self._versions / version)

    def live(self) -> Model | None:
        """The model that serves. The registry looks for a new one at most every ``every`` seconds.

        A thread loads a new model while the old one serves. A model that cannot be read is logged once, and the
        old one stays.
        """
        now = self._clock()
        if 0 <= now - self._checked < self._every or not self._lock.acquire(blocking=self._model is None):
            return self._model
        try:
            self._checked = now
            version = self.live_version()
            if version is None or version == self._tried:
                return self._model
            self._tried = version
            if self._model is None:
                self._adopt(version)
            else:
                threading.Thread(target=self._adopt, args=(version,), name="model-swap", daemon=True).start()
        finally:
            self._lock.release()
        return self._model

    def _adopt(self, version: str) -> None:
        try:
            model = self.load(version)
            warm(model)
            self._model = model
        except ModelUnusable as error:
            log.error("model not taken, the previous one keeps serving: %s", error)

    def _retire(self, needed: set[str]) -> None:
        """Remove all but the newest versions, and all but the needed of the quick refreshes. Those stay that a needed
        one was refreshed from, and that the next ones are compared with.

        A process that mapped one keeps it until it swaps.
        """
        cards = {card.version: card for card in self.cards()}
        origins = {cards[name].refreshed for name in needed & cards.keys()} | needed
        needed = origins | {cards[name].anchor for name in origins & cards.keys()}
        trained = 0
        for folder in sorted(self._versions.glob("*"), reverse=True):
            try:
                quick = bool(read_manifest(folder).card.refreshed)
            except ModelUnusable:
                quick = False
            trained += not quick
            if folder.name not in needed and (quick or trained > self._keep):
                shutil.rmtree(folder, ignore_errors=True)
