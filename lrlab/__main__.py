"""`python -m lrlab`: the command line."""

import sys

from lrlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
