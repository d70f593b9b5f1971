"""What a killed engine leaves half written is removed, and nothing else."""

import os
import time
from pathlib import Path

from engine import clear_wreckage
from factory.paths import FactoryRoot
from factory.settings import Settings


def test_half_written_files_of_the_stack_go_and_all_others_stay(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    stacks = root.backend / ".pulumi" / "stacks" / "links"
    stacks.mkdir(parents=True)
    files = {
        "links-build.json": "{}",
        "links-build.json.attrs": "",
        "links-build.json.bak": "{}",
        "links-build.json.bak.attrs": '{"user.content_type": "x"}',
        "links-build.json.18ea.tmp": "half",
        "links-build2.json.attrs": "",
    }
    for name, text in files.items():
        (stacks / name).write_text(text)
    removed = clear_wreckage(root, Settings(), "links-build")
    assert {path.name for path in removed} == {"links-build.json.attrs", "links-build.json.18ea.tmp"}
    assert {path.name for path in stacks.iterdir()} == files.keys() - {path.name for path in removed}
    assert clear_wreckage(root, Settings(), "links-build") == ()


def test_a_backend_that_is_not_a_folder_is_left_alone(tmp_path: Path) -> None:
    assert clear_wreckage(FactoryRoot(tmp_path), Settings(backend="s3://bucket"), "links-build") == ()


def test_a_draft_of_the_backends_own_goes_only_when_it_is_old(tmp_path: Path) -> None:
    """Another stack's engine may be writing it right now."""
    root = FactoryRoot(tmp_path)
    folder = root.backend / ".pulumi"
    folder.mkdir(parents=True)
    draft = folder / "meta.yaml.18ea.tmp"
    draft.touch()
    assert clear_wreckage(root, Settings(), "links-build") == ()
    long_ago = time.time() - 3600
    os.utime(draft, (long_ago, long_ago))
    assert clear_wreckage(root, Settings(), "links-build") == (draft,)
