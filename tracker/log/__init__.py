"""The event log: the port, and its Kafka, Redis and memory backends."""
