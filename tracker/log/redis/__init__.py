"""The event log on Redis Streams: records in, made durable by Redis; consumers out."""
