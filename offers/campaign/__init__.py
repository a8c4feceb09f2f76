"""The campaign document: parsed, checked, versioned, and made ready for decisions."""
