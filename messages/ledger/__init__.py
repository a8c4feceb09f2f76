"""The ledger: occasions enter; each is claimed once at most, and leaves handed over, refused or unknown."""
