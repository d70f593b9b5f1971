"""`python -m access.postgres`: see `access.postgres.serve`."""

import sys

from access.postgres.serve import main

if __name__ == "__main__":
    sys.exit(main())
