"""Access: users and their passwords, the limit of sign-in attempts, the audit log, security headers."""
