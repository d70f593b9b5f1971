"""The service's own process on loopback, whose resolver knows nothing but the tests' hosts: nobody outside is asked."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from egress_place import stands_for_public
from egress_standin import resolve

from access.egress.service import main

if __name__ == "__main__":
    sys.exit(main(resolve=resolve, public=stands_for_public, address="127.0.0.1"))
