"""The ingest worker: messages of the log enter; saved profiles, appended rows and committed offsets leave."""
