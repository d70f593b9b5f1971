"""`python -m access.egress`: see `access.egress.serve`."""

import sys

from access.egress.serve import main

if __name__ == "__main__":
    sys.exit(main())
