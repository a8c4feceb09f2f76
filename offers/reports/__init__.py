"""Reports: verified responses in; one campaign's report, or all campaigns at a glance, out."""
