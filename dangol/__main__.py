"""``python -m dangol``."""

from dangol.cli import main

if __name__ == "__main__":  # processes that help to read a log import this file
    main()
