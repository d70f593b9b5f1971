"""`python -m tests.lint.house`: the house's own rules, which no general linter knows. One line per offence.

Licences of what is linked, the lock, names and sizes of modules, what no file of the repository may contain.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.lint import layout, licences, lockfile, texts

ROOT = Path(__file__).resolve().parents[2]


def offences(root: Path) -> Iterator[str]:
    """Every offence of the repository at `root`, rule by rule."""
    files = texts.repository_files(root)
    yield from licences.offences(root)
    yield from lockfile.offences(root)
    yield from layout.offences(root, files)
    yield from texts.offences(root, files)


def main() -> int:
    """Print the offences; 1 when there is any."""
    found = list(offences(ROOT))
    for offence in found:
        print(offence)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
