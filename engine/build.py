"""The fourth way to an engine: build it from its published Go module, with our own go.mod and go.sum.

`go install module@version` refuses this module, because its go.mod has replace directives; ours repeats them.
"""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.go_tool import MODULE, Go
from engine.machine import NotThisWay
from engine.path_cli import version_of
from engine.progress import Progress, Report

PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
# What no operation of ours runs, and takes half of the compiler's time: the vendor's service and its API's description,
# the clouds' own clients, colours of program text. Not optimised; the engine itself is.
RARELY_RUN = (
    "github.com/pb33f/libopenapi/...",
    f"{PACKAGE}/cloud/...",
    "github.com/aws/aws-sdk-go-v2/...",
    "github.com/Azure/...",
    "cloud.google.com/go/...",
    "google.golang.org/api/...",
    "github.com/envoyproxy/...",
    "google.golang.org/grpc/internal/xds/...",
    "github.com/alecthomas/chroma/...",
    "github.com/google/go-tpm/...",
    "github.com/go-git/...",
    "github.com/pulumi/pulumi/pkg/v3/codegen/...",
)
# The linker drops debugging data (-w); so the compiler need not make any. Tracebacks do not come from it.
PLAIN = "-dwarf=false"
# How much of a failed build's output the error repeats.
TAIL_LINES = 5


def built_version() -> str:
    """The engine version that our go.mod requires (`v3.259.0`)."""
    match = re.search(
        r"^require github\.com/pulumi/pulumi/pkg/v3 (v\S+)$", (MODULE / "go.mod").read_text(), re.MULTILINE
    )
    if match is None:
        raise NotThisWay(f"{MODULE / 'go.mod'} does not require the engine")
    return match[1]


def build(go: Go, scratch: Path, report: Report) -> Path:
    """Build the engine under `scratch` with `go`; the `bin` folder that holds it.

    Go's own caches are the user's, so a build that was stopped goes on where it was. Raises NotThisWay with the end
    of Go's output when it fails.
    """
    environment = go_environment(os.environ, scratch)
    report(Progress("download", f"modules of the engine, with {go.version}"))
    go_command = str(go.path)
    listed = run_go(MODULE, [go_command, "list", "-deps", "-mod=readonly", PACKAGE], environment, downloads(report))
    output = scratch / "bin"
    output.mkdir()
    version = built_version()
    flags = ["-v", "-mod=readonly", "-trimpath", "-buildvcs=false", f"-gcflags=all={PLAIN}"]
    flags += [f"-gcflags={pattern}={PLAIN} -N -l" for pattern in RARELY_RUN]
    ldflags = f"-s -w -X {VERSION_VARIABLE}={version}"
    command = [go_command, "build", *flags, "-ldflags", ldflags, "-o", str(output / "pulumi"), PACKAGE]
    report(Progress("compile", f"{len(listed)} packages, less those in Go's cache", 0.0))
    run_go(MODULE, command, environment, _compiles(report, len(listed)))
    if (found := version_of(output / "pulumi")) != version:
        raise NotThisWay(f"the build says that it is {found} instead of {version}")
    return output


def go_environment(base: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Go's environment: the user's proxy, caches and credentials, and nothing else that changes what is built."""
    temporary = scratch / "tmp"
    temporary.mkdir()
    kept = {name: value for name, value in base.items() if name not in ("GOFLAGS", "GOOS", "GOARCH", "GOEXPERIMENT")}
    # CGO_ENABLED=0, as the vendor builds it: no C compiler is needed. GOTMPDIR: what a killed build leaves behind is
    # removed with the scratch folder.
    return kept | {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local", "GOTMPDIR": str(temporary)}


def downloads(report: Report) -> Callable[[str], None]:
    """What to do with Go's messages while it fetches modules: report each."""

    def line(text: str) -> None:
        if text.startswith("go: downloading "):
            report(Progress("download", text.removeprefix("go: downloading ")))

    return line


def _compiles(report: Report, total: int) -> Callable[[str], None]:
    compiled = 0

    def line(text: str) -> None:
        nonlocal compiled
        if text == PACKAGE:
            report(Progress("link", "the engine", 1.0))
        elif re.fullmatch(r"[\w./~-]+", text):
            compiled += 1
            # Go names only the packages that it compiles: those in its cache count at the end.
            report(Progress("compile", text, min(compiled / total, 1.0)))

    return line


def run_go(
    module: Path, command: Sequence[str], environment: Mapping[str, str], on_message: Callable[[str], None]
) -> list[str]:
    """Run Go in a module of ours; the lines it prints. `on_message` is given what it says meanwhile, line by line.

    Go ends with us: on Ctrl-C the terminal tells it too, and an error here stops it. Raises NotThisWay when it fails.
    """
    tail: list[str] = []
    # A file, not a second pipe: nobody would read it while the first one is being read.
    with Path(environment["GOTMPDIR"], "stdout").open("w+") as stdout:
        with subprocess.Popen(
            command, cwd=module, env=dict(environment), stdout=stdout, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                for line in process.stderr or ():
                    tail = [*tail, line.rstrip()][-TAIL_LINES:]
                    on_message(line.rstrip())
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            raise NotThisWay(f"go {command[1]} failed: " + " / ".join(tail))
        stdout.seek(0)
        return stdout.read().splitlines()
