"""Runs an app's own code, `extend(factory)` of infra.py, from what is kept of it."""

import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pulumi

from engine.run_program import traceback_from
from factory import artefacts
from factory.errors import InputError, MillwrightError
from factory.paths import FactoryRoot
from stacks.infra_code import INFRA, infra_digest


@contextmanager
def extension(root: FactoryRoot, app: str, digest: str) -> Iterator[Callable[[Any], object]]:
    """The function `extend` of the code that is kept under `digest`, for as long as the block runs.

    Raises InputError where it defines none, ArtefactMissing and ArtefactBroken, and pulumi.RunError for what the code
    raises, also of what the block lets it raise.
    """
    kept = artefacts.folder(root, digest)
    shown = root.apps / app if infra_digest(root, app) == digest else kept
    with _afresh(root), _importable(kept), _as_the_apps_own(kept, shown):
        extend = runpy.run_path(str(kept / INFRA)).get("extend")
        if not callable(extend):
            raise InputError(
                f"{shown / INFRA} defines no function `extend(factory)`", hint="define it, or remove the file"
            )
        yield extend


@contextmanager
def _as_the_apps_own(kept: Path, shown: Path) -> Iterator[None]:
    """What the app's code raises is shown from its own first line on, at its place in the app's folder."""
    try:
        yield
    except (MillwrightError, pulumi.RunError):
        raise
    except Exception as error:  # noqa: BLE001 -- the seam: whatever an app's code raises
        told = traceback_from(error, lambda file: file.is_relative_to(kept)).replace(str(kept), str(shown))
        raise pulumi.RunError(f"{shown / INFRA} failed:\n{told}") from None


@contextmanager
def _importable(kept: Path) -> Iterator[None]:
    """The code may import what stands beside it, and leaves no byte code among what is kept."""
    wrote, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(kept))
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(str(kept))
        sys.dont_write_bytecode = wrote


@contextmanager
def _afresh(root: FactoryRoot) -> Iterator[None]:
    """What the app's code imports of the factory's own files is loaded anew each time.

    The driver previews and updates in one process, and what a module remembers of the preview is nothing to the update.
    """
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            place = getattr(sys.modules[name], "__file__", None)
            if place and Path(place).is_relative_to(root.path) and not Path(place).is_relative_to(sys.prefix):
                del sys.modules[name]
