"""``dangol doctor``: checks that everything this installation needs is there and answers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from dangol import compose
from dangol.doctor.repair import looked
from dangol.machine import redis_child
from dangol.secrets import signing_key
from dangol.settings import SIGNING_KEY_LEAST, Settings
from tracker.durations import DAY_SECONDS
from tracker.sites import SitesInvalid
from warehouse.feeds.doubtful_orders import doubtful

REDIS_KEPT = (7, 0)
MESSAGES_STAND_SECONDS = 900.0
"""How long a message may be overdue before it counts as not sent by anybody."""
"""The oldest Redis that anybody still mends: Debian's, until 2028; the project itself keeps 7.2 and newer."""


class Finding(NamedTuple):
    """The result of one check. ``weak``: it works, but could be safer."""

    what: str
    ok: bool
    says: str
    weak: bool = False


class BackupsBehind(Exception):
    """A backup does not know the newest erasures: restoring it would bring those people back."""


class NotDurable(Exception):
    """The log answers, but loses acknowledged events when the disk of one broker is lost. This is allowed."""


class Unmaintained(Exception):
    """It works, but gets no security fixes any more."""


class Implausible(Exception):
    """Orders of implausible value arrived. Reports leave them out, although they may be real."""


class Unread(Exception):
    """Values of events could not be read."""


class FeedUnread(Exception):
    """A product feed could not be read: the catalogue is as it was."""


class Guessable(Exception):
    """A secret works, but is short enough to be guessed."""


class Outdated(Exception):
    """It works, but its data is old."""


class Damaged(Exception):
    """Files of the warehouse are missing or changed."""


class EventsStuck(Exception):
    """Acknowledged events wait on this machine's disk, and no process sends them to the log."""


class IngestStands(Exception):
    """Events wait in the log, and ingest makes no progress."""


class MessagesStand(Exception):
    """Messages are due, and no process sends them."""


class EventsLost(Exception):
    """The log was recreated or rolled back, or it removed events that ingest had not read."""


def examine(settings: Settings) -> list[Finding]:
    """One finding for each check. It never raises. The embedded Redis must be running."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("data folder", lambda: writable(settings.folder)),
        ("secrets", lambda: secrets_hold(settings)),
        ("sites", lambda: sites_known(settings)),
        ("event log", lambda: log_answers(settings)),
        ("ingest", lambda: ingest_gets_on(settings)),
        ("messages", lambda: messages_go_out(settings)),
        ("spool", lambda: spool_drains(settings)),
        ("events lost in the log", lambda: log_is_whole(settings)),
        ("profiles", lambda: profiles_answer(settings)),
        *([("redis", lambda: redis_is_kept(settings))] if settings.embedded_redis else []),
        ("warehouse", lambda: warehouse_answers(settings)),
        ("implausible orders", lambda: orders_are_plausible(settings)),
        ("data quality", lambda: values_are_read(settings)),
        ("product feeds", lambda: feeds_are_read(settings)),
        ("countries", lambda: countries_are_new(settings)),
        ("models", lambda: writable(settings.models_folder)),
        ("backups", lambda: backups_know(settings)),
    ]
    return [_finding(what, check) for what, check in checks]


def _finding(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except (NotDurable, Unmaintained, Implausible, Unread, FeedUnread, Guessable, Outdated) as weakness:
        return Finding(what, True, str(weakness), weak=True)
    except Exception as error:  # whatever it is, it is what the doctor was asked for
        return Finding(what, False, str(error) or type(error).__name__)


def writable(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".doctor"
    probe.write_text("")
    probe.unlink()
    return str(folder)


def secrets_hold(settings: Settings) -> str:
    """Whether the secrets are long enough: they sign sessions and offers, prove customers and open reports."""
    signing_key(settings)
    known = compose.sites(settings).all().values()
    if short := sorted(site.id for site in known if len(site.secret_key) < SIGNING_KEY_LEAST):
        raise Guessable(
            f"the secret key of {', '.join(short)} has fewer than {SIGNING_KEY_LEAST} characters, which somebody may "
            "guess: `dangol sites rotate-key` makes a better one, or set DANGOL_SECRET_KEY"
        )
    return "whole, and long enough"


def sites_known(settings: Settings) -> str:
    known = compose.sites(settings)
    if known.aside:
        wrong = "; ".join(f"{site[:100]}: {why}" for site, why in known.aside.items())
        raise SitesInvalid(
            f"{len(known.aside)} set aside, whose events are refused, in {known.path}: {wrong}"
        )
    return f"{len(known.all())} known"


def log_answers(settings: Settings) -> str:
    log = compose.log(settings)
    try:
        log.ping()
        if weakness := log.durability():
            raise NotDurable(weakness)
        return (
            f"{settings.log_uri.partition('://')[0]}, {log.lag(compose.INGEST_GROUP)} events wait for ingest"
        )
    finally:
        log.close()


def messages_go_out(settings: Settings) -> str:
    """How many messages of live campaigns wait, and how many are unknown; whether somebody sends them."""
    from dangol.compose.sending import waiting_messages

    found = waiting_messages(settings, time.time())
    if found.overdue_seconds > MESSAGES_STAND_SECONDS:
        raise MessagesStand(
            f"{found.waiting} messages wait, the oldest was due {found.overdue_seconds:.0f} s ago: see what "
            "`dangol messages` says"
        )
    return f"{found.waiting} wait, {found.claimed} under way, {found.unknown} unknown"


def ingest_gets_on(settings: Settings) -> str:
    """Whether ingest makes progress with the events of the log."""
    log = compose.log(settings)
    progress = compose.progress(settings, log)
    try:
        found = progress.look()
    finally:
        progress.close()
        log.close()
    if found.still:
        raise IngestStands(
            f"{found.events} events wait, and nothing was done with some of them for {found.seconds:.0f} s: see what "
            "the ingest processes log"
        )
    return f"{found.events} events wait" if found.events else "nothing waits"


def spool_drains(settings: Settings) -> str:
    """Whether the events on this machine's disk are on their way to the log."""
    watch = compose.spool_watch(settings)
    found, folder = watch.look(), settings.folder / "spool"
    waits = f"{found.events} events ({found.bytes} bytes) wait for the log"
    wrong = []
    if found.oldest is not None and found.stuck(watch.clock()):
        since = datetime.fromtimestamp(found.oldest, UTC).isoformat(" ", "minutes").removesuffix("+00:00")
        why = f", {found.abandoned} spools held by no process: start the tracker" if found.abandoned else ""
        wrong.append(f"{waits} in {folder} since {since} UTC{why}")
    if found.unreadable:
        wrong.append(
            f"{found.unreadable} bytes of events could not be read and are kept in {folder}/*/*.bad: check the disk, "
            "then move these files away"
        )
    if found.refused:
        wrong.append(
            f"{found.refused} bytes of events that the log never takes are in {folder}/*/refused.bad"
        )
    if wrong:
        raise EventsStuck("; ".join(wrong))
    return waits if found.events else "nothing waits"


def feeds_are_read(settings: Settings) -> str:
    """Whether the sites' product feeds were read, and how many items they hold."""
    records, told, wrong = compose.feed_records(settings), [], []
    for site in compose.sites(settings).all().values():
        status = records.read(site.id) if site.feed else None
        if status is None or status.url != site.feed:
            told += [f"{site.id}: not read yet"] if site.feed else []
            continue
        refused = f", {status.refused} records refused ({status.example})" if status.refused else ""
        what = f"{site.id}: {status.items} items{refused}"
        if status.error:
            wrong.append(f"{site.id}: {status.error}")
        elif status.suspicious:
            wrong.append(f"{what}; less than half of what it had, so nothing was made unavailable")
        else:
            told.append(what)
    if wrong:
        raise FeedUnread("; ".join([*wrong, *told]))
    return "; ".join(told) or "none"


def log_is_whole(settings: Settings) -> str:
    found = compose.log_incident(settings, time.time())
    if found is None:
        return f"none in the last {compose.INCIDENT_DAYS} days"
    at = datetime.fromtimestamp(found.at / 1000, UTC)
    what = [
        f"{found.partitions} partitions were recreated or rolled back: events that ingest had not read are lost"
        if found.partitions
        else "",
        f"{found.lost} events were removed before ingest had read them" if found.lost else "",
    ]
    raise EventsLost(f"on {at:%Y-%m-%d %H:%M} UTC: {'; '.join(filter(None, what))}")


def profiles_answer(settings: Settings) -> str:
    store = compose.profiles(settings)
    try:
        store.ping()
        return "answers"
    finally:
        store.close()


def redis_is_kept(settings: Settings) -> str:
    """Which server the embedded Redis is, and whether it still gets security fixes."""
    server = redis_child.chosen(settings.folder / "redis")
    version = redis_child.version(server)
    if version < REDIS_KEPT:
        raise Unmaintained(
            f"{server.path} is version {'.'.join(map(str, version))}, which gets no security fixes any more: install a "
            f"Redis of {REDIS_KEPT[0]}.{REDIS_KEPT[1]} or newer, or Valkey"
        )
    return f"{server.path} {'.'.join(map(str, version))}"


def warehouse_answers(settings: Settings) -> str:
    if damage := looked(settings):
        more = f" and {len(damage) - 1} more" if len(damage) > 1 else ""
        raise Damaged(f"{damage[0]}{more}; `dangol doctor --deep` tells all, `--repair` restores what can be")
    compose.warehouse(settings).ping()
    return settings.warehouse_uri


def orders_are_plausible(settings: Settings) -> str:
    """Whether implausible orders arrived in the last seven days."""
    warehouse, since, found = compose.warehouse(settings), int((time.time() - 7 * DAY_SECONDS) * 1000), []
    for site in compose.sites(settings).all().values():
        apart = doubtful(warehouse, site.id, since)
        if apart.orders:
            largest = f"{apart.largest:,.0f} {site.currency}"
            found.append(f"site {site.id}: {apart.orders} of {apart.people} visitors, up to {largest}")
    if found:
        raise Implausible(
            "; ".join(found)
            + ", told with the public key in the last seven days, count in no report. Are they real, tell orders with "
            "the secret key, or `dangol sites set SITE --order-limit AMOUNT`"
        )
    return "none in the last seven days"


def values_are_read(settings: Settings) -> str:
    """Whether values of events were lost in the last seven days."""
    store, found = compose.losses(settings), []
    for site in compose.sites(settings).all().values():
        for lost in store.read(site.id, time.time(), days=7):
            last = f", the last: {lost.example}" if lost.example else ""
            reason = lost.reason.replace("_", " ")
            found.append(f"site {site.id}: {lost.field} ({reason}) of {lost.events} events{last}")
    if found:
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        raise Unread(f"{'; '.join(found[:5])}{more}. The page /desk/data-quality says what to do")
    return "every value was read in the last seven days"


def countries_are_new(settings: Settings, clock: Callable[[], float] = time.time) -> str:
    """Which data countries are looked up in, and how old it is."""
    found = compose.country_source(settings)
    said = f"{found.name}, of {found.made or 'an unknown day'} ({found.licence})"
    if found.old(datetime.fromtimestamp(clock(), UTC).date()):
        raise Outdated(
            f"{said}: more than a year old; renew the file of DANGOL_GEOIP, or `pip install -U iptocc`"
        )
    return said


def backups_know(settings: Settings) -> str:
    """Whether every folder with backups has the newest erasures."""
    places = compose.erasure_log(settings).destinations()
    if failing := [place for place in places if place.failing]:
        raise BackupsBehind(
            "the newest erasures could not be noted beside the backups: "
            + "; ".join(f"{place.folder}: {place.failing}" for place in failing)
            + ". Make it reachable, or `dangol backup --forget FOLDER`"
        )
    return ", ".join(place.folder for place in places) or "none was made yet: `dangol backup FOLDER`"
