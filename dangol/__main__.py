"""``python -m dangol``."""

from dangol.cli import main

main()
