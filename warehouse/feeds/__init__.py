"""Feeds: a site and a time in; rows for other stages and for one visitor's page out."""
