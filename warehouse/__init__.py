"""The warehouse: rows of events in, Delta tables on disk; reports and other stages' queries out."""
