"""Our own component package as the engine finds it: the plugin `millwright` of a factory's PULUMI_HOME."""

import shlex
from importlib.metadata import version
from pathlib import Path

from engine.cache import write_atomically
from factory.paths import FactoryRoot, private_folder

# Named by string: the engine knows that a package exists, not what is in it.
PACKAGE_MODULE = "stacks.package"


def package_plugin(root: FactoryRoot) -> Path:
    """Where the engine looks for the package, of the installed version."""
    return root.pulumi_home / "plugins" / f"resource-millwright-v{version('millwright')}" / "pulumi-resource-millwright"


def install_package(root: FactoryRoot, python: str) -> None:
    """Install the component package, so that a program in any language finds this factory's apps in it."""
    plugin = package_plugin(root)
    text = f"""#!/bin/sh
exec {shlex.quote(python)} -P -m {PACKAGE_MODULE} {shlex.quote(str(root.path))} "$@"
"""
    try:
        if plugin.read_text() == text:
            return
    except OSError:
        private_folder(plugin.parent)
    write_atomically(plugin, text, mode=0o700)
