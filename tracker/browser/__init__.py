"""Browser: the scripts that pages load: the snippet, its slots, and Matomo's JavaScript API over the snippet."""
