"""`python -m access.apis`: see `access.apis.serve`."""

import sys

from access.apis.serve import main

if __name__ == "__main__":
    sys.exit(main())
