"""The two sides of `tests.bench.driver`: Millwright, and Terraform; each works on its own fresh local cloud."""

import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory import daemons
from factory.paths import FactoryRoot, private_folder
from tests.bench.commands import ContestantFailed, run
from tests.bench.contestants import terraform_environment
from tests.bench.cost import Command, Cost, measure
from tests.bench.portfolio import MILLWRIGHT
from tests.bench.terraform_config import Address, Json, addresses

ENVIRONMENT = "build"
MEASURES = ("create", "again", "again_looked_up", "change", "destroy")
SUMMARY = re.compile(r"Resources: (\d+) added, (\d+) changed, (\d+) destroyed|Resources: (\d+) destroyed")
TOOK = re.compile(r"^(\S+): (?:Creation|Destruction) complete after (?:(\d+)m)?(\d+)s", re.MULTILINE)
CHANGED_FROM, CHANGED_TO = "memory: 2048", "memory: 4096"


@dataclass(frozen=True)
class Configurations:
    """One app's Terraform configuration, before and after the change; the endpoint is still to be put in."""

    before: Json
    after: Json


class Side(ABC):
    """One way to bring `apps` up. Each measure raises ContestantFailed where it did not do what it is measured for."""

    name: str

    def __init__(self, root: FactoryRoot, apps: Sequence[str]) -> None:
        self._root, self._apps = root, apps
        self.declared: dict[str, set[Address]] = {}

    @abstractmethod
    def create(self) -> Cost:
        """Everything, from nothing. `declared` says what, by app."""

    @abstractmethod
    def again(self) -> Cost:
        """Nothing has changed, by the state."""

    @abstractmethod
    def again_looked_up(self) -> Cost:
        """Nothing has changed, in the cloud itself."""

    @abstractmethod
    def change(self) -> Cost:
        """One resource of each app becomes another."""

    @abstractmethod
    def destroy(self) -> Cost:
        """Remove everything, by the state."""


class Millwright(Side):
    """`millwright up`, as typed, in a factory that has declared the apps."""

    name = "Millwright"

    def create(self) -> Cost:
        cost, results = self._up()
        for result in results:
            self.declared[_app(result)] = set(addresses({"resources": result["steps"]}).values())
        return cost

    def again(self) -> Cost:
        return self._unchanged()

    def again_looked_up(self) -> Cost:
        return self._unchanged("--refresh")

    def change(self) -> Cost:
        change_apps(self._root, self._apps)
        cost, results = self._up()
        for result in results:
            if not {"create", "update", "replace"} & set(result["changes"]):
                raise ContestantFailed(f"the change of {result['stack']} changed nothing: {result['changes']}")
        return cost

    def destroy(self) -> Cost:
        cost, results = self._run([["destroy", app, ENVIRONMENT] for app in self._apps])
        for result in results:
            if set(result["changes"]) != {"delete"}:
                raise ContestantFailed(f"the destroy of {result['stack']} did {result['changes']}")
        return cost

    def _unchanged(self, *options: str) -> Cost:
        cost, results = self._up(*options)
        for result in results:
            if set(result["changes"]) != {"same"}:
                raise ContestantFailed(f"nothing was changed, and {result['stack']} did {result['changes']}")
        return cost

    def _up(self, *options: str) -> tuple[Cost, list[Json]]:
        which = [self._apps[0], ENVIRONMENT] if len(self._apps) == 1 else ["--all", "-e", ENVIRONMENT]
        return self._run([["up", *which, *options]])

    def _run(self, commands: list[list[str]]) -> tuple[Cost, list[Json]]:
        words = [Command([MILLWRIGHT, *each, "--json"], self._root.path, os.environ) for each in commands]
        cost, outputs = measure(words, self._root)
        events = [json.loads(line) for output in outputs for line in output.splitlines() if line.startswith("{")]
        results = [event["result"] for event in events if event["event"] == "finished"]
        if sorted(map(_app, results)) != sorted(self._apps):
            raise ContestantFailed(f"asked for {', '.join(self._apps)}, and worked on {', '.join(map(_app, results))}")
        return cost, results


class Terraform(Side):
    """`terraform apply`, as typed, in a folder for each app; the folders at the same time."""

    def __init__(
        self,
        root: FactoryRoot,
        apps: Sequence[str],
        terraform: tuple[str, Path],
        configurations: Mapping[str, Configurations],
    ) -> None:
        super().__init__(root, apps)
        self.name, self._configurations = "Terraform", configurations
        self._executable, mirror = terraform
        # The slowest single resource of a create or destroy, as Terraform itself says: seconds, and which.
        self.slowest = (0, "")
        self._environment = terraform_environment(root.path, mirror)
        self._folders = {app: private_folder(root.path / app) for app in apps}
        self._endpoint = daemons.ensure(root, daemons.LOCAL_CLOUD).addresses["http"]
        for app, folder in self._folders.items():
            self._write(app, configurations[app].before)
            run([self._executable, "init", "-input=false", "-no-color"], folder, self._environment)

    def create(self) -> Cost:
        cost = self._apply(expected="creates")
        for app, folder in self._folders.items():
            state = json.loads((folder / "terraform.tfstate").read_text())
            managed = (each for each in state["resources"] if each["mode"] == "managed" and each["instances"])
            self.declared[app] = {Address(each["type"], each["name"]) for each in managed}
        return cost

    def again(self) -> Cost:
        return self._apply("-refresh=false", expected="nothing")

    def again_looked_up(self) -> Cost:
        return self._apply(expected="nothing")

    def change(self) -> Cost:
        for app in self._apps:
            self._write(app, self._configurations[app].after)
        return self._apply("-refresh=false", expected="something")

    def destroy(self) -> Cost:
        return self._terraform("destroy", "-refresh=false", expected="something")

    def _apply(self, *options: str, expected: str) -> Cost:
        return self._terraform("apply", *options, expected=expected)

    def _terraform(self, command: str, *options: str, expected: str) -> Cost:
        words = [self._executable, command, "-auto-approve", "-input=false", "-no-color", *options]
        commands = [Command(words, folder, self._environment) for folder in self._folders.values()]
        cost, outputs = measure(commands, self._root)
        for output in outputs:
            _require(expected, output)
            took = [(60 * int(minutes or 0) + int(seconds), which) for which, minutes, seconds in TOOK.findall(output)]
            self.slowest = max([self.slowest, *took])
        return cost

    def _write(self, app: str, document: Json) -> None:
        document["provider"]["aws"]["endpoints"] = [
            dict.fromkeys(each, self._endpoint) for each in document["provider"]["aws"]["endpoints"]
        ]
        (self._folders[app] / "main.tf.json").write_text(json.dumps(document, indent=2))


def change_apps(root: FactoryRoot, apps: Sequence[str]) -> None:
    """Give each app's coder twice the memory: one task definition is another one then."""
    for app in apps:
        file = root.apps / app / "app.yaml"
        text = file.read_text()
        if CHANGED_FROM not in text:
            raise ContestantFailed(f"{file} has no {CHANGED_FROM!r} to change")
        file.write_text(text.replace(CHANGED_FROM, CHANGED_TO))


def _app(result: Mapping[str, Any]) -> str:
    return str(result["stack"]).removesuffix(f"-{ENVIRONMENT}")


def _require(expected: str, output: str) -> None:
    found = SUMMARY.search(output)
    numbers = [int(number) for number in found.groups() if number] if found else []
    if not numbers or (expected == "nothing") != (not any(numbers)):
        raise ContestantFailed(f"Terraform was to change {expected}, and said {found.group() if found else output}")
