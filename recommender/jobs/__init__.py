"""Jobs: requests and intervals in; each job run by one process at a time, with its record, out."""
