"""The index: data files and aliases in, encoded events of a site in order out, which reports scan."""
