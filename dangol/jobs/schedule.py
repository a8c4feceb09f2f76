"""The schedule of one installation, as a table: what runs, how often, and what only one process may do at a time."""

import logging
import threading

from customers.scoring.runs import SCORES_LOCK
from dangol.machine.heartbeat import Heartbeat
from dangol.settings import Settings
from recommender.jobs.lock import RedisLock
from recommender.jobs.runs import TRAINING_LOCK
from recommender.jobs.scheduler import Job, Scheduler
from tracker.redis_connection import connect

logger = logging.getLogger("dangol.scheduler")

DAY = 24 * 60.0


def run(settings: Settings, stop: threading.Event) -> None:
    """Run the jobs until ``stop`` is set; what is running then is finished."""
    client = connect(settings.profiles_uri, 5.0)
    heart = Heartbeat(settings.folder, "scheduler")
    schedule = Scheduler(table(settings), lambda name: RedisLock(client, name), ended=heart.beat)
    schedule.start()
    stop.wait()
    schedule.stop()
    client.close()


def table(settings: Settings) -> list[Job]:
    """The jobs: name, function, minutes between runs, lock, whether also at the start."""
    from dangol.jobs.jobs import Jobs

    jobs = Jobs(settings)
    return [
        Job("catalogue", jobs.learn_items, 1, "catalogue", soon=True),
        Job("feeds", jobs.fetch_feeds, 1 / 6, "feeds", soon=True),
        Job("orders", jobs.learn_orders, 60, "orders", soon=True),
        Job("offers", jobs.learn_offers, 1, "offers", soon=True),
        Job("shops", jobs.reconcile, 15, "shops", soon=True),
        Job("segments", jobs.segments, 1 / 6, "segments", soon=True),
        Job("scores", jobs.score, DAY, SCORES_LOCK, soon=True),
        Job("scores asked for", jobs.score_asked, 1 / 12, SCORES_LOCK, soon=True),
        Job("people index", jobs.index_people, DAY, "people index", soon=True),
        Job("consent notices", jobs.consent_notices, DAY, "consent notices", soon=True),
        Job("duplicates", jobs.merge_duplicates, 60, "duplicates", soon=True),
        Job("ingest", jobs.watch_ingest, 1 / 6, soon=True),
        # These two take the lock TRAINING_LOCK themselves, for each site.
        Job("train asked for", jobs.train_asked, 1 / 12, soon=True),
        Job("train", jobs.train, 2, soon=True),
        Job("refresh", jobs.refresh, 10, TRAINING_LOCK),
        Job("erase", jobs.erase, 1, "warehouse", soon=True),
        Job("erasure log", jobs.mirror, 1 / 6, "erasure log", soon=True),
        Job("channels", jobs.classify, 1 / 6, "warehouse", soon=True),
        Job("check", jobs.check, 2, "warehouse", soon=True),
        Job("compact", jobs.compact, 5, "warehouse"),
        Job("vacuum", jobs.vacuum, 60, "warehouse"),
        Job("retention", jobs.retire, DAY, "warehouse", soon=True),
    ]
