"""Classifying a site's history anew, when somebody asked for it: first the warehouse's rows, then the profiles."""

from dangol import compose
from dangol.settings import Settings
from ingest.rebuild.classification_runs import ClassificationRun
from ingest.rebuild.reclassification import Reclassification
from tracker.sites import Site


class Channels:
    """Raises what the stores and the warehouse raise."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.runs = compose.classification_runs(settings)

    def due(self, site: Site) -> bool:
        """Whether somebody asked for it, and it has not been done."""
        run = self.runs.read(site.id)
        return run is not None and run.due

    def run(self, site: Site) -> ClassificationRun:
        """Classify the site's history now."""
        return self.runs.run(site.id, lambda: self._classified(site))

    def _classified(self, site: Site) -> tuple[int, int]:
        rows = Reclassification(compose.warehouse(self._settings), site).run()
        # Also where no row has changed: a run that was killed may have rewritten them all.
        return rows, compose.rebuild(self._settings, site).run().written
