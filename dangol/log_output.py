"""The log of the processes on standard error: one line an entry, as text or JSON. No personal data is logged."""

import logging
import sys

import msgspec

from dangol.settings import Settings


class JsonLines(logging.Formatter):
    """One JSON object a line: time (seconds), level, logger, message, and the error with its traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": round(record.created, 3),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()


def configure(settings: Settings) -> None:
    """Log from now on as the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level, handlers=[handler])
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    # That a job still runs at its next time is no news: trainings take longer than they are looked for.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # Each retry is an error to kafka-python; our own lines say what matters.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
