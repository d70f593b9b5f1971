"""What a task's tools are given as secrets reaches the programs that they run, and no text that a model sees."""

import base64
import dataclasses
from pathlib import Path

from agents_place import Surroundings

from agents.fence import Fence
from agents.task import toolbox
from agents.tools import Result, Toolbox
from sandbox import Confined, Ran, run

VALUE = "s3cret-of-the-payments-api"
MARK = "[redacted: PAYMENTS_KEY]"


def tools(place: Surroundings) -> Toolbox:
    return toolbox(place.brief(), place.folder, {"PAYMENTS_KEY": VALUE})


def called(box: Toolbox, name: str, **arguments: object) -> Result:
    asked = box.parse(name, arguments)
    assert not isinstance(asked, Result), asked
    return box.carry_out(asked, None, 60.0)


def shell(box: Toolbox, script: str) -> Result:
    return called(box, "run", argv=["/bin/sh", "-c", script])


def test_a_program_has_the_value_and_its_output_does_not(place: Surroundings) -> None:
    box = tools(place)
    result = shell(
        box,
        'test "$PAYMENTS_KEY" = "$(printf s3cret-of-the; printf -- -payments-api)" && echo it is there;'
        ' echo "$PAYMENTS_KEY"; printf %s "$PAYMENTS_KEY" | base64; echo "$PAYMENTS_KEY" >&2; env',
    )
    assert not result.error
    lines = (result.data or "").splitlines()
    assert lines[:3] == ["it is there", MARK, MARK]
    assert f"PAYMENTS_KEY={MARK}" in lines
    assert VALUE not in result.shown(Fence("n"))
    # Without a secret there is none, and an output is what it is.
    bare = toolbox(place.brief(), place.folder)
    assert shell(bare, f'echo "[$PAYMENTS_KEY]" {VALUE}').data == f"[] {VALUE}\n"


def test_what_a_program_writes_into_a_file_is_read_without_it(place: Surroundings) -> None:
    box = tools(place)
    assert not shell(box, 'printf "a=1\\nkey=%s\\n" "$PAYMENTS_KEY" > kept.env').error
    assert VALUE in (place.worktree / "kept.env").read_text()
    assert called(box, "read", path="kept.env").data == f"a=1\nkey={MARK}\n"
    assert called(box, "search", pattern="key=", path="kept.env").data == f"kept.env:2: key={MARK}"
    # A line that is cut in the middle of it shows no beginning of it.
    assert not shell(box, 'printf "%0290d%s\\n" 0 "$PAYMENTS_KEY" > long.txt').error
    hit = called(box, "search", pattern="^0", path="long.txt").data or ""
    assert (hit.endswith(MARK), VALUE[:10] in hit) == (True, False)


def test_an_output_that_is_cut_in_the_middle_of_it_shows_no_beginning_of_it(place: Surroundings) -> None:
    def cutting(confined: Confined) -> Ran:
        limits = dataclasses.replace(confined.limits, output_bytes=20)
        return run(dataclasses.replace(confined, limits=limits))

    box = tools(place)
    box = dataclasses.replace(box, runner=dataclasses.replace(box.runner, sandbox=cutting))
    assert shell(box, 'echo "0123456789$PAYMENTS_KEY"').data == f"0123456789{MARK}"
    assert shell(box, "echo 0123456789012345678901234").data == "01234567890123456789"


def test_a_secret_takes_the_place_of_nothing_that_the_factory_sets(place: Surroundings) -> None:
    box = toolbox(place.brief(), place.folder, {"HOME": "/work"})
    assert shell(box, "echo $HOME").data == "/tmp\n"  # noqa: S108 -- inside of the sandbox


def test_the_value_is_in_no_file_of_the_task_and_in_no_representation(place: Surroundings) -> None:
    box = tools(place)
    shell(box, 'echo "$PAYMENTS_KEY"')
    assert VALUE not in repr(box)
    written = [path for path in place.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in written if holds(path)]


def holds(path: Path) -> bool:
    content = path.read_bytes()
    return VALUE.encode() in content or base64.b64encode(VALUE.encode()) in content
