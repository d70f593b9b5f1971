"""An app's own code: `infra.py` with what stands beside it, kept under its digest.

So a release can run the code that was decided for it, whatever the app's folder holds by then.
"""

from pathlib import Path

from factory.paths import FactoryRoot
from factory.spec import source_digest, source_files

INFRA = "infra.py"
# Of an app's folder, what no stack depends on: its changes, held-out criteria, model scripts, and texts.
OF_NO_STACK = frozenset({"acceptance", "changes", "scripts"})
TEXT = ".md"
# What declares the app and what it is built of have digests of their own.
OWN_DIGEST = frozenset({"app.yaml", "source"})


def infra_digest(root: FactoryRoot, app: str) -> str:
    """The digest of the app's code as its folder holds it now; "" for an app without an infra.py."""
    files = _files(root, app)
    return source_digest(root.apps / app, files) if files else ""


def how_infra_changed(before: str, now: str) -> str:
    """What became of an app's code between two digests of it, in words; "" when they are the same."""
    if before == now:
        return ""
    if not before:
        return f"{INFRA} (it was added)"
    return f"{INFRA} (it, or what stands beside it)" if now else f"{INFRA} (it was removed)"


def keep_infra(root: FactoryRoot, app: str) -> str:
    """Keep a copy of the app's code as its folder holds it now; its digest, as above.

    Raises InputError for a link or a special file among it.
    """
    # Imported late: most commands need no database (0.3 s), and the driver knows this module.
    from factory import artefacts

    files = _files(root, app)
    return artefacts.store(root, root.apps / app, files) if files else ""


def _files(root: FactoryRoot, app: str) -> list[Path]:
    folder = root.apps / app
    if not (folder / INFRA).is_file():
        return []
    others = OF_NO_STACK | OWN_DIGEST
    found = ((path, path.relative_to(folder)) for path in source_files(folder))
    return [path for path, below in found if below.parts[0] not in others and path.suffix != TEXT]
