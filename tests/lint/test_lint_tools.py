"""What an editor or git runs for a contributor exists, and fetches nothing."""

import json
import re
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


def test_every_hook_is_local_and_what_it_runs_is_installed() -> None:
    config = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text())
    (repository,) = config["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["id"]: hook for hook in repository["hooks"]}
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    for hook in hooks.values():
        assert (ROOT / hook["entry"].split()[0]).is_file(), hook["entry"]


def test_the_devcontainer_runs_the_readmes_first_command() -> None:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    config = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert config["postCreateCommand"] == "make setup"
    assert "/.venv/bin" in config["remoteEnv"]["PATH"]
