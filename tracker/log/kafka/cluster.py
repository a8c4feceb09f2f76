"""The log's connection to Kafka: its URL, clients made at first use, errors turned into LogUnavailable."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
)
from kafka.net.compat import KafkaNetClient

from tracker.log.port import LogUnavailable

PASSED_ON = frozenset(
    (
        "security_protocol",
        "sasl_mechanism",
        "ssl_cafile",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_password",
        "client_id",
    )
)
RETRY_AFTER = 1.0
COORDINATOR_SECONDS = 10.0
T = TypeVar("T")
NO_COORDINATOR = (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)


class KafkaCluster:
    """``kafka://[user:password@]host:9092[,host2:9092…]/topic?partitions=4&replication=1&session=6&timeout=3``.

    The topic is made where it is missing. ``session`` is after how many silent seconds a member loses its
    partitions, ``timeout`` how long brokers may take to answer. TLS and SASL: the parameters in ``PASSED_ON``,
    as kafka-python names them. Raises ValueError where the URL is wrong; does not connect.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        self.topic = parts.path.strip("/") or "events"
        self.partitions, self.replication = (
            int(query.pop("partitions", "4")),
            int(query.pop("replication", "1")),
        )
        self.session, self.timeout = float(query.pop("session", "6")), float(query.pop("timeout", "3"))
        credentials, _, hosts = parts.netloc.rpartition("@")
        if not hosts:
            raise ValueError(f"Kafka log: no host in {url!r}")
        if self.partitions < 1 or self.replication < 1 or self.session < 0.5 or self.timeout < 0.1:
            raise ValueError(
                "Kafka log: partitions and replication are at least 1, session 0.5, timeout 0.1 seconds"
            )
        if query.keys() - PASSED_ON:
            raise ValueError(f"Kafka log: unknown parameter {', '.join(sorted(query.keys() - PASSED_ON))}")
        self.settings: dict[str, Any] = {
            "bootstrap_servers": hosts.split(","),
            "bootstrap_timeout_ms": int(self.timeout * 1000),
            "request_timeout_ms": int(self.timeout * 1000),
            "reconnect_backoff_max_ms": 1_000,
            **query,
        }
        if credentials:
            user, _, password = credentials.partition(":")
            self.settings.setdefault("security_protocol", "SASL_SSL")
            self.settings.setdefault("sasl_mechanism", "PLAIN")
            self.settings["sasl_plain_username"] = unquote(user)
            self.settings["sasl_plain_password"] = unquote(password)
        self._admin = Connection(lambda: self.connect(KafkaAdminClient))
        self._administering = threading.Lock()

    def connect(self, kind: Callable[..., Any], **settings: Any) -> Any:
        """One of kafka-python's clients. Raises LogUnavailable."""
        sockets: list[Any] = []

        def remembered(**configs: Any) -> Any:
            sockets.append(KafkaNetClient(**configs))
            return sockets[-1]

        try:
            with self.errors("connect"):
                return kind(**{**self.settings, **settings}, kafka_client=remembered)
        except LogUnavailable:
            for opened in sockets:  # kafka-python leaves a thread and its sockets behind
                opened.close()
            raise

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """Turn whatever kafka-python raises into LogUnavailable."""
        try:
            yield
        except (KafkaError, OSError) as error:
            raise LogUnavailable(f"Kafka log cannot {what}: {error}", RETRY_AFTER) from error

    @contextmanager
    def administer(self, what: str) -> Iterator[Any]:
        """The admin client, for one thread at a time. Raises LogUnavailable."""
        with self._administering:
            admin = self._admin.get()
            try:
                with self.errors(what):
                    yield admin
            except LogUnavailable:
                self._admin.drop(admin)
                raise

    def group_id(self, group: str, identity: str) -> str:
        """Group names are unique in a cluster: another installation on it has its own topic, and so its own groups.

        Committed offsets may outlive their topic, so a topic that was deleted and made anew has other groups, too.
        """
        return f"{self.topic}.{group}.{identity}" if identity else f"{self.topic}.{group}"

    def describe_topic(self, admin: Any) -> Any:
        """Kafka's description of the topic, None where it is missing."""
        return next((found for found in admin.describe_topics([self.topic]) if not found["error_code"]), None)

    def make_topic(self) -> str:
        """Make the topic unless it is there; its identity. Raises LogUnavailable."""
        with self.administer(f"make the topic {self.topic}") as admin:
            topic = self.describe_topic(admin)
            if topic is None:
                with suppress(TopicAlreadyExistsError):  # another process was faster
                    admin.create_topics([NewTopic(self.topic, self.partitions, self.replication)])
                admin.wait_for_topics([self.topic], timeout_ms=self.timeout * 1000)
                topic = self.describe_topic(admin)
        if topic is None:
            raise LogUnavailable(f"Kafka topic {self.topic} was deleted again", RETRY_AFTER)
        return identity_of(topic)

    def adopt(self, group: str, identity: str) -> None:
        """Move the offsets that a release without identities committed to this topic's group, once. If the group has
        read a topic with an identity before, they belong to an older topic and are dropped. Raises LogUnavailable."""
        old, new = self.group_id(group, ""), self.group_id(group, identity)
        if old != new:
            self.coordinated(lambda: self._adopt(old, new))

    def coordinated(self, ask: Callable[[], T]) -> T:
        """The result of ``ask`` about a group, tried again while brokers that have just started have no coordinator."""
        deadline = time.monotonic() + COORDINATOR_SECONDS
        while True:
            try:
                return ask()
            except LogUnavailable as error:
                if time.monotonic() > deadline or not isinstance(error.__cause__, NO_COORDINATOR):
                    raise
                time.sleep(0.1)

    def _adopt(self, old: str, new: str) -> None:
        with self.administer("read committed offsets") as admin:
            topic = self.describe_topic(admin)
            partitions = partitions_of(topic) if topic else []
            asked = admin.list_group_offsets({old: partitions, new: partitions})
            found, known = (
                {at: offset for at, offset in asked.get(name, {}).items() if offset.offset >= 0}
                for name in (old, new)
            )
            if not found:
                return
            groups = {each["group_id"] for each in admin.list_groups()}
            with suppress(KafkaError):  # workers of the former release, or faster ones of this, are at work
                if not known and not any(group.startswith(f"{old}.") for group in groups - {new}):
                    admin.alter_group_offsets(new, found)
                admin.delete_groups([old])

    def close(self) -> None:
        self._admin.close()


def identity_of(topic: Any) -> str:
    """The topic's id, which a deleted topic of the same name did not have; "" where brokers have none (before 2.8)."""
    found = topic.get("topic_id")
    return str(found) if found and UUID(str(found)).int else ""


def partitions_of(topic: Any) -> list[TopicPartition]:
    return [TopicPartition(topic["name"], each["partition_index"]) for each in topic["partitions"]]


class Connection:
    """A client made at first use, shared by all threads, and made anew after a failure.

    While the brokers are down, one thread at a time waits for them, and only every ``RETRY_AFTER`` seconds.
    """

    def __init__(self, connect: Callable[[], Any], close: Callable[[Any], None] | None = None) -> None:
        self._connect, self._close = connect, close or (lambda client: client.close())
        self._lock = threading.Lock()
        self._client: Any = None
        self._failure: tuple[float, str] = (float("-inf"), "")

    def get(self) -> Any:
        """The client. Raises LogUnavailable."""
        client = self._client
        if client is not None:
            return client
        with self._lock:
            if self._client is None:
                failed, reason = self._failure
                if time.monotonic() - failed < RETRY_AFTER:
                    raise LogUnavailable(reason, RETRY_AFTER)
                try:
                    self._client = self._connect()
                except LogUnavailable as error:
                    self._failure = time.monotonic(), str(error)
                    raise
            return self._client

    @property
    def client(self) -> Any:
        """The client, None before it is made."""
        return self._client

    def drop(self, client: Any) -> None:
        """Discard a client that failed, unless another thread has done so."""
        with self._lock:
            if self._client is not client:
                return
            self._client = None
        # It takes its time over what it still has to send.
        threading.Thread(target=self._dispose, args=(client,), daemon=True).start()

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            self._dispose(client)

    def _dispose(self, client: Any) -> None:
        with suppress(KafkaError, OSError, RuntimeError):
            self._close(client)
