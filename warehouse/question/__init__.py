"""What a report is asked about: the scope of a site, a span of days and steps, parsed from text or refused."""
