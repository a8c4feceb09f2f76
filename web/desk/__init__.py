"""The marketer's desk: server-rendered pages behind a login, one file a page."""
