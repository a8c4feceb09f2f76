"""The commands that work on what is stored, beside the processes of ``dangol.cli``."""
