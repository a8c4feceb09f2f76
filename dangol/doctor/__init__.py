"""The checks of an installation, and the repair of a damaged warehouse: settings enter, findings leave."""
