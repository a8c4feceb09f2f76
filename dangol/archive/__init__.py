"""What a backup is on disk: the dated folder, the copy of Redis, and the log of erasures beside them."""
