"""Offline experiments: files or history of interactions in; measured strategies and better parameters out."""
