"""`python -m mammo`: the command line."""

import sys

from mammo.cli import main

if __name__ == "__main__":
    sys.exit(main())
