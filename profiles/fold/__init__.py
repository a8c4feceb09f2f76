"""A profile and an event enter, and the next profile leaves. No I/O."""
