"""The SMTP server: a letter enters; what the server answered leaves."""
