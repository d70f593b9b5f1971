"""What the search for an engine may use of this machine, as one value, so that tests can say what is there."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

# The vendor's installer, which `pulumi.automation.PulumiCommand.install` runs; asked first whether it is reachable.
INSTALLER_URL = "https://get.pulumi.com/install.sh"


class NotThisWay(Exception):
    """One way to an engine is closed; the text says why. The next way is tried."""


@dataclass(frozen=True)
class Machine:
    """This machine: where commands are found, which Python we are, where the vendor's installer is."""

    search_path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    python: str = sys.executable
    installer_url: str = INSTALLER_URL

    def executables(self, name: str) -> list[Path]:
        """Every executable `name` on the search path, first found first."""
        found = (Path(folder) / name for folder in self.search_path.split(os.pathsep) if folder)
        return [path for path in found if path.is_file() and os.access(path, os.X_OK)]
