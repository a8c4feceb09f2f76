"""The shop's own files: tables in any usual format and encoding enter, rows with their line numbers leave."""
