"""Backups: an installation enters, a dated folder leaves. A restore does the opposite, without people erased since."""
