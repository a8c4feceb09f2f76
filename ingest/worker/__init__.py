"""The ingest worker: batches of events in; profiles saved, rows appended, positions committed."""
