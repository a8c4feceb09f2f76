"""Every setting of an installation: one table with its default and its reason.

Read from the environment (``DANGOL_PORT``) or from ``dangol.toml`` (``port = 8000``); the environment wins.
"""

import os
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

PREFIX = "DANGOL_"
SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes, redis-server appends none


SIGNING_KEY_LEAST = 16
"""Characters of a signing key: whoever guesses it signs as anybody."""


class SettingsInvalid(Exception):
    """A setting that cannot be used; the message names it and what is wrong."""


def said(reason: str) -> Meta:
    return Meta(description=reason)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings with their defaults. An empty URI means the embedded default inside ``data``."""

    data: Annotated[str, said("folder that holds everything Dangol stores on this machine")] = "./data"
    host: Annotated[str, said("address to listen on; 0.0.0.0 for all")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="port of tracker, API, desk and demo shop")] = 8000
    log: Annotated[
        str,
        said(
            "event log: kafka://host:9092/events or redis://host:6379/0?stream=events; empty: embedded Redis"
        ),
    ] = ""
    profiles: Annotated[
        str, said("Redis of the profiles: redis://host:6379/0, or redis+cluster://host:7000; empty: embedded")
    ] = ""
    warehouse: Annotated[
        str, said("Delta tables: a folder or an object-store URI; empty: data/warehouse")
    ] = ""
    models: Annotated[str, said("model registry; empty: data/models")] = ""
    public_url: Annotated[
        str, said("how browsers reach Dangol, for the snippet; empty: http://host:port")
    ] = ""
    write_key: Annotated[str, said("public key of the site `default`; empty: generated once")] = ""
    secret_key: Annotated[str, said("secret key of the site `default`; empty: generated once")] = ""
    admin_password: Annotated[
        str, said("password of the desk's user admin; empty: generated, printed once")
    ] = ""
    signing_key: Annotated[
        str, said("signs desk logins and offer tokens; the same on every machine; empty: generated once")
    ] = ""
    timezone: Annotated[str, said("timezone of the site `default`: where its days begin")] = "UTC"
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="currency of the site `default`")] = "EUR"
    workers: Annotated[int, Meta(ge=1, le=64, description="server processes for HTTP")] = 1
    threads: Annotated[
        int, Meta(ge=1, le=512, description="threads of each server process, for all but collection")
    ] = 64
    ingest_workers: Annotated[int, Meta(ge=1, le=64, description="ingest processes that `up` starts")] = 1
    trust_proxy: Annotated[
        int,
        Meta(ge=0, le=10, description="reverse proxies of yours in front, whose X-Forwarded-For is believed"),
    ] = 0
    personalize_budget_ms: Annotated[
        int, Meta(ge=5, le=5000, description="time budget of one /v1/personalize answer, milliseconds")
    ] = 100
    global_holdout: Annotated[
        float,
        Meta(
            ge=0,
            le=0.5,
            description="share of visitors who are shown no campaign but overrides and fallbacks",
        ),
    ] = 0.0
    offers_per_session: Annotated[
        int, Meta(ge=1, description="offers of all campaigns together that one visitor meets in a session")
    ] = 30
    offers_per_day: Annotated[int, Meta(ge=1, description="the same in a day")] = 60
    messages_per_day: Annotated[
        int,
        Meta(
            ge=1,
            description="messages of marketing that one person gets in a day, over all channels together",
        ),
    ] = 1
    messages_per_week: Annotated[int, Meta(ge=1, description="the same in a week")] = 3
    train_hours: Annotated[float, Meta(gt=0, description="hours between two full trainings")] = 24.0
    risk_days: Annotated[
        int,
        Meta(ge=7, le=365, description="horizon of the risk: customers who order nothing for so many days"),
    ] = 90
    retention_days: Annotated[int, Meta(ge=0, description="days events are kept; 0: for ever")] = 0
    spool_mb: Annotated[
        int, Meta(ge=1, description="disk that events may wait on while the log is down, MiB")
    ] = 1024
    key_rate: Annotated[
        float,
        Meta(
            ge=0,
            description="events a second that one public key may send, ten times as many at once; 0: no limit",
        ),
    ] = 2000.0
    address_rate: Annotated[
        float,
        Meta(
            ge=0,
            description="the same of one address (IPv6: /64) with the public key, for each server process; "
            "private ones are a proxy's, and free",
        ),
    ] = 100.0
    server_cookie: Annotated[
        bool, said("also keep the visitor's id in an HttpOnly cookie, for sites that proxy the tracker")
    ] = False
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], said("how much the processes say on standard error")
    ] = "INFO"
    log_format: Annotated[Literal["text", "json"], said("text for people, json for a log collector")] = "text"
    geoip: Annotated[
        str,
        said(
            "MaxMind DB file for countries and cities (pip install 'dangol[geoip]'); empty: countries of the wheel"
        ),
    ] = ""
    feed_internal: Annotated[
        bool,
        said(
            "fetch product feeds also from this machine and from private networks; else only from the internet"
        ),
    ] = False
    smtp: Annotated[
        str,
        said(
            "mail server: smtp://user:password@host:587 (STARTTLS, but on this machine) or smtps://host; "
            "empty: no mail is sent"
        ),
    ] = ""
    mail_from: Annotated[str, said("address that mails come from, such as hello@shop.example")] = ""
    mail_domain: Annotated[
        str, said("domain of return paths, to which bounces come; empty: that of `mail_from`")
    ] = ""
    dkim_key: Annotated[
        str, said("file with the RSA key (PEM) that signs mails (DKIM); empty: the mail server signs")
    ] = ""
    dkim_selector: Annotated[str, said("selector of the DKIM key in the DNS")] = ""
    count_headless: Annotated[
        bool,
        said("count headless browsers as visitors on the site `default` (your own browser tests); else bots"),
    ] = True

    @property
    def folder(self) -> Path:
        return Path(self.data).resolve()

    @property
    def embedded_redis(self) -> bool:
        """Whether Dangol runs a Redis of its own: for the profiles, the log, or both."""
        return not self.log or not self.profiles

    @property
    def socket(self) -> Path:
        """The embedded Redis's Unix socket; in the temporary folder where the data folder's path is too long, or has
        signs that mean something in a URL."""
        path = self.folder / "redis" / "redis.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT and not set("?#%") & set(str(path)):
            return path
        short = sha256(os.fsencode(path)).hexdigest()[:16]
        return Path("/tmp") / f"dangol-{os.getuid()}-{short}" / "redis.sock"  # noqa: S108 the folder is ours, 0700

    @property
    def log_uri(self) -> str:
        return self.log or f"unix://{self.socket}?stream=events"

    @property
    def profiles_uri(self) -> str:
        return self.profiles or f"unix://{self.socket}"

    @property
    def warehouse_uri(self) -> str:
        return self.warehouse or str(self.folder / "warehouse")

    @property
    def models_folder(self) -> Path:
        return Path(self.models) if self.models else self.folder / "models"

    @property
    def sites_file(self) -> Path:
        return self.folder / "sites.json"

    @property
    def url(self) -> str:
        """Where this machine reaches the server, and browsers too unless ``public_url`` says otherwise."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def load(environ: Mapping[str, str] = os.environ, file: Path | None = None) -> Settings:
    """The settings in force. Raises SettingsInvalid naming the setting.

    ``file`` is ``$DANGOL_CONFIG``, else ``dangol.toml`` in the current folder, when it is not given.
    """
    names = {field.name for field in msgspec.structs.fields(Settings)}
    path = file or Path(environ.get(PREFIX + "CONFIG") or "dangol.toml")
    values: dict[str, object] = {}
    if path.is_file():
        try:
            values = dict(tomllib.loads(path.read_text()))
        except (ValueError, OSError, RecursionError) as error:
            raise SettingsInvalid(f"{path}: {error}") from error
        for name in values.keys() - names:
            raise SettingsInvalid(f"{path}: there is no setting {name!r}")
    for name in names:
        if given := environ.get(PREFIX + name.upper()):
            values[name] = given
    try:
        settings = msgspec.convert(values, Settings, strict=False)
        _check_secrets(settings)
        ZoneInfo(settings.timezone)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(_named(str(error))) from error
    except (KeyError, ValueError, OSError) as error:
        raise SettingsInvalid(f"{PREFIX}TIMEZONE: no timezone {values.get('timezone')!r}") from error
    return settings


def _check_secrets(settings: Settings) -> None:
    for name in ("write_key", "secret_key", "signing_key", "admin_password"):
        given: str = getattr(settings, name)
        if given and not given.strip():
            raise SettingsInvalid(f"{PREFIX}{name.upper()}: only blanks; leave it out, and one is generated")
    if settings.write_key and settings.write_key == settings.secret_key:
        raise SettingsInvalid(f"{PREFIX}SECRET_KEY: the same as the public {PREFIX}WRITE_KEY")
    if settings.signing_key and len(settings.signing_key) < SIGNING_KEY_LEAST:
        raise SettingsInvalid(f"{PREFIX}SIGNING_KEY: fewer than {SIGNING_KEY_LEAST} characters")


def _named(message: str) -> str:
    """msgspec's ``… - at `$.port``` with the setting's own name in front."""
    reason, _, where = message.partition(" - at `$.")
    return f"{PREFIX}{where.rstrip('`').upper()}: {reason}" if where else message


def table() -> list[tuple[str, str, str]]:
    """Name in the environment, default and reason of every setting, for the README and ``dangol doctor``."""
    rows = []
    for field in msgspec.structs.fields(Settings):
        meta: Meta = field.type.__metadata__[0]
        rows.append((PREFIX + field.name.upper(), str(field.default), meta.description or ""))
    return rows
