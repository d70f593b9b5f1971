"""The relay's own process, whose resolver knows nothing but the tests' hosts: `python api_standin.py PEM [few]`."""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from egress_place import PUBLIC, stands_for_public

from access.apis.limits import Limits
from access.apis.serve import main
from access.apis.upstream import verifying

INSIDE = {"inside.example.com": "127.0.0.1", "metadata.example.com": "169.254.169.254"}


async def resolve(name: str, port: int) -> Sequence[str]:
    return [INSIDE.get(name, PUBLIC)]


if __name__ == "__main__":
    tls = verifying()
    tls.load_verify_locations(sys.argv[1])
    few = Limits(refusals=3, logins_told=2, answer_bytes=1000, requests=20) if "few" in sys.argv else None
    sys.exit(main(resolve, stands_for_public, tls, few))
