"""Reports about products that the live model answers: a registry and a catalogue come in, rows with evidence go out."""
