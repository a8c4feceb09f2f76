"""Questions: the span of days and the steps that a report is asked about."""
