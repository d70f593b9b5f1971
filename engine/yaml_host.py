"""Pulumi's YAML language host, beside an engine that we built: the vendor's engine brings its own.

Programs in YAML are nobody's first need here, so it is built when it is asked for: half a minute on two cores.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from engine import build, go_tool
from engine.cache import Entry, making
from engine.cli import Cli, cache_folder
from engine.machine import Machine, NotThisWay
from engine.progress import Progress, Report, silent
from factory.errors import EngineUnavailable

if TYPE_CHECKING:
    from factory.settings import Settings

HOST = "pulumi-language-yaml"
# A module of its own: the newest host that can be had is of an older engine than ours, whose packages it needs. Between
# the two is a protocol only.
MODULE = Path(__file__).with_name("go_yaml")
PACKAGE = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
VERSION_VARIABLE = "github.com/pulumi/pulumi-yaml/pkg/version.Version"


def yaml_host(settings: "Settings", cli: Cli, *, progress: Report = silent, machine: Machine | None = None) -> Path:
    """The YAML language host that stands beside this CLI; built first where there is none.

    Raises EngineUnavailable where it cannot be built.
    """
    host = cli.path.resolve().with_name(HOST)
    if host.is_file():
        return host
    entry = Entry(cli.path.parent.parent, cli.version)
    try:
        with making(entry, lambda: progress(Progress("wait", "another process is at the engine"))) as scratch:
            if not host.is_file():
                _build(
                    go_tool.find_or_install(machine or Machine(), cache_folder(settings), progress), scratch, progress
                )
                (scratch / HOST).replace(host)
    except (NotThisWay, OSError) as reason:
        raise EngineUnavailable(
            f"programs in YAML cannot be run: {HOST} is not beside {cli.path}, and building it failed: {reason}",
            hint="install Pulumi from its vendor, or give access to a Go module proxy",
        ) from None
    return host


def _build(go: go_tool.Go, scratch: Path, report: Report) -> None:
    environment = build.go_environment(os.environ, scratch)
    report(Progress("compile", "the host of programs in YAML", 0.0))
    command = [str(go.path), "build", "-mod=readonly", "-trimpath", "-buildvcs=false", f"-gcflags=all={build.PLAIN}"]
    command += ["-ldflags", f"-s -w -X {VERSION_VARIABLE}={_version()}", "-o", str(scratch / HOST), PACKAGE]
    build.run_go(MODULE, command, environment, build.downloads(report))


def _version() -> str:
    match = re.search(r"^require github\.com/pulumi/pulumi-yaml (v\S+)$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise NotThisWay(f"{MODULE / 'go.mod'} does not require the host")
    return match[1]
