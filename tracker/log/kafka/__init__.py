"""The event log on Kafka: records in, made durable by its brokers; consumers out."""
