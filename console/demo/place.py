"""The demo's own factory: a folder beside the user's state, so that playing it twice never touches real work."""

import json
import shutil

from console.commands.init import make_factory
from factory import daemons
from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import app_names
from factory.trees import remove_tree
from pipeline.leftovers import stop_worker

# The app whose changes are shown, and those that are built beside it.
APP = "links"
APPS = (APP, "tally", "docsite")
FOLDER = ".demo"


def demo_root(root: FactoryRoot) -> FactoryRoot:
    """Where the demo's factory of this factory is, or would be."""
    return FactoryRoot(root.path / FOLDER)


def make_place(root: FactoryRoot, settings: Settings) -> FactoryRoot:
    """A fresh factory with the demo's apps and the changes to one. Raises InputError when this one has not got them."""
    missing = sorted(set(APPS) - set(app_names(root)))
    if missing or not (root.apps / APP / "changes").is_dir():
        what = f"the changes to {APP}" if not missing else f"the app {', '.join(missing)}"
        raise InputError(
            f"the demo is about {', '.join(APPS)}, and this factory has not {what}", hint="run it in the repository"
        )
    place = demo_root(root)
    remove_place(root)
    make_factory(place.path, APP)
    shutil.rmtree(place.apps / APP)
    for app in APPS:
        shutil.copytree(root.apps / app, place.apps / app, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    if settings.engine_cache is not None:
        # What the user's settings say about this machine holds for the demo too.
        with place.settings_file.open("a") as file:
            file.write(f"engine_cache: {json.dumps(str(settings.engine_cache.resolve()))}\n")
    return place


def remove_place(root: FactoryRoot) -> bool:
    """Stop what runs for an earlier demo and remove its folder; whether there was one.

    What the embedded cloud runs ends with it, and what it keeps is in that folder.
    """
    place = demo_root(root)
    if not place.path.is_dir():
        return False
    stop_worker(place)
    daemons.stop(place, daemons.ACCESS)
    daemons.stop(place, daemons.LOCAL_CLOUD)
    remove_tree(place.path)
    return True
