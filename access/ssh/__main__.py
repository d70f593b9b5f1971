"""`python -m access.ssh`: see `access.ssh.serve`."""

import sys

from access.ssh.serve import main

if __name__ == "__main__":
    sys.exit(main())
