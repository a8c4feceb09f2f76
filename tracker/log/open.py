"""Opens the event log that a URL names."""

from tracker.log.port import EventLog


def open_log(url: str) -> EventLog:
    """``redis://…``, ``rediss://…``, ``unix://…``, ``kafka://…`` or ``memory://``: see each backend for its parameters.

    Does not connect, so that a tracker can start while its log is down. Raises ValueError where the URL is wrong.
    """
    # Imported when asked for: a tracker on Redis need not load the Kafka client.
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss", "unix"):
        from tracker.log.redis.event_log import RedisLog

        return RedisLog(url)
    if scheme == "kafka":
        from tracker.log.kafka.event_log import KafkaLog

        return KafkaLog(url)
    if scheme == "memory":
        from tracker.log.memory import MemoryLog

        return MemoryLog(url)
    raise ValueError(
        f"no event log at {url!r}: a log's URL starts with redis://, rediss://, unix://, kafka:// or memory://"
    )
