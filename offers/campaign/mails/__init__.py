"""Mails as creatives: what a marketer wrote comes in; a template to fill for each person leaves, or an error."""
