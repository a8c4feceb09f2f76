"""Feeds: product feeds and exports of shops in; changes of the catalogue out, and what was refused and why."""
