"""The fold: a profile and an event in, the next profile out. No I/O."""
