"""/me: what a site knows of its visitor, for the visitor: to read, to correct, to switch off, to have forgotten."""
