"""`python -m tests.bench.policy_driver up app-0 build [--without-pack]`: one operation of the driver, in this process.

A command of `tests.bench.policy`. What `millwright up` does, but for the page it prints.
"""

import argparse
import multiprocessing
import sys
from dataclasses import replace
from pathlib import Path

from factory.paths import find_root
from factory.settings import load
from stacks.driver import Driver, Kind, warm_env


def main() -> int:
    """Do it, and print what changed. Whatever is wrong is raised."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", type=Kind)
    parser.add_argument("app")
    parser.add_argument("environment")
    parser.add_argument("--without-pack", action="store_true")
    options = parser.parse_args()
    root = find_root(Path.cwd())
    settings = load(root)
    env = warm_env(root, settings)
    driver = Driver(root, settings, replace(env, policy_pack=None) if options.without_pack else env)
    if options.without_pack:
        # After the driver has said what its own server imports; this says it again, and one thing more.
        multiprocessing.get_context("forkserver").set_forkserver_preload(
            ["stacks.driver.preload", "tests.bench.packless"]
        )
    result = driver.start(options.kind, options.app, options.environment).result()
    sys.stdout.write(f"{dict(result.changes)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
