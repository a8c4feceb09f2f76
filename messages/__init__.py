"""Messages: campaigns that are sent over a channel come in; what was handed over, to whom and once, goes out."""
