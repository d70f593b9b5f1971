"""The demo from beginning to end, its clean-up, and the documents' own program."""

import re

import pytest
from e2e_place import REPOSITORY, Place

from console.demo.inventory import inventory
from factory import daemons

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_the_documented_driver_script_runs_as_it_stands(place: Place) -> None:
    page = (REPOSITORY / "docs" / "how-to" / "script-the-driver.md").read_text()
    (program,) = PYTHON_BLOCK.findall(page)
    script = place.root.path / "script.py"
    script.write_text(program)
    ran = place.run("python", str(script))
    assert ran.code == 0, ran.err
    assert re.search(r"links-build: \d+ changed", ran.out)
    assert "the service is at " in ran.out
    assert "network" in inventory(place.cloud)


def test_the_demo_goes_on_from_what_stands_and_leaves_nothing(place: Place) -> None:
    played = place.millwright("demo")
    assert played.code == 0, played.out + played.err
    for told in ("drift found", "drift repaired", "no-world-ingress", "boto3 finds nothing left", "stand-in"):
        assert told in played.out + played.err
    assert inventory(place.cloud) == {}


def test_the_clean_up_destroys_proves_and_removes(place: Place) -> None:
    assert place.millwright("up", "links", "build").code == 0
    cleaned = place.millwright("demo", "--clean")
    assert cleaned.code == 0, cleaned.out + cleaned.err
    assert "boto3 finds nothing left" in cleaned.err
    assert daemons.read(place.root, "localcloud") is None
    assert not place.root.state.exists()
