"""The durable engine's lanes, on the real DBOS: what of one app runs at once, and what waits."""

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

# In a process of its own: DBOS keeps its registry for the whole of one.
SCRIPT = """
import json, os, sys, threading, time
from pathlib import Path
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings
from pipeline.dbos_engine import DbosEngine
from pipeline.durable import Lane

root = FactoryRoot(Path(sys.argv[1]))
private_folder(root.state)
spans, answers = {}, {}

def work(subject, argument):
    begun = time.monotonic()
    time.sleep(1.5)
    spans[subject] = (begun, time.monotonic())
    return {"of": subject}

def flow(engine, subject):
    lane = Lane(subject.split("/")[1].split("-")[0])
    answers[subject] = engine.stage(lane, "work", f"{subject}:work", {})

engine = DbosEngine(root, Settings(), flows={"change": flow}, stages={"work": work})
engine.launch()
subjects = sys.argv[2:]
for subject in subjects:
    engine.start("change", subject)
deadline = time.monotonic() + 60
while len(answers) < len(subjects) and time.monotonic() < deadline:
    time.sleep(0.05)
print(json.dumps({"spans": spans, "answers": answers}), flush=True)
os._exit(0)
"""
Spans = dict[str, tuple[float, float]]


def spans_of(folder: Path, *subjects: str) -> Spans:
    """When the one stage of each change ran."""
    command = [sys.executable, "-c", SCRIPT, str(folder), *subjects]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["answers"] == {subject: {"of": subject} for subject in subjects}, ran.stderr
    return found["spans"]


def at_once(spans: Spans, first: str, second: str) -> bool:
    (begun, ended), (other_begun, other_ended) = spans[first], spans[second]
    return begun < other_ended and other_begun < ended


def test_of_one_app_two_environments_are_deployed_to_at_once_and_one_only_by_one_change(tmp_path: Path) -> None:
    lanes = ("merge", "staging", "production")
    subjects = [f"links/{lane}-{number}" for lane in lanes for number in (1, 2)]
    spans = spans_of(tmp_path, *subjects, "shop/staging-1")
    for lane in lanes:
        assert not at_once(spans, f"links/{lane}-1", f"links/{lane}-2")
    first = [min((s for s in subjects if s.startswith(f"links/{lane}")), key=lambda s: spans[s]) for lane in lanes]
    assert all(at_once(spans, one, other) for one, other in combinations(first, 2))
    assert at_once(spans, "shop/staging-1", first[1])


def test_three_stages_of_work_run_at_once_and_a_fourth_waits(tmp_path: Path) -> None:
    subjects = [f"links/work-{number}" for number in range(4)]
    spans = spans_of(tmp_path, *subjects)
    last = max(subjects, key=lambda subject: spans[subject])
    others = [subject for subject in subjects if subject != last]
    assert all(at_once(spans, one, other) for one, other in combinations(others, 2))
    assert not all(at_once(spans, last, other) for other in others)
