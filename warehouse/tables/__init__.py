"""The Delta tables: rows in, data files and commits on disk; they are kept durable, compact, checked and repaired."""
