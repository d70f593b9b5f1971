"""The pack's entry point: the engine's language host runs this folder, which serves the analyzer and blocks."""

import sys
from pathlib import Path

# The language host runs the folder by path, so the room itself need not be importable there yet.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.analyzer import serve

serve()
