"""The doctor: what is wrong with an installation, and the repair of a damaged warehouse."""
