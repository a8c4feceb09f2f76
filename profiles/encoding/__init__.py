"""A profile enters, and its bytes as stored leave; and back."""
