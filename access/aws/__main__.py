"""`python -m access.aws`: the proxy's process."""

import sys

from access.aws.serve import main

if __name__ == "__main__":
    sys.exit(main())
