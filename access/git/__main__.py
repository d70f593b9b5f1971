"""`python -m access.git`: see `access.git.serve`."""

import sys

from access.git.serve import main

if __name__ == "__main__":
    sys.exit(main())
