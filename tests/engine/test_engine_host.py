"""The Python language host and the program runner, under the real engine."""

import json
import subprocess
import sys
from pathlib import Path

import pulumi
import pytest
from engine_helpers import MakeProject, gone

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi

class Thing(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("tiny:index:Thing", name, {})
        self.register_outputs({})

print("printed by the program")
pulumi.log.info("logged by the program")
Thing("one")
pulumi.export("answer", 42)
pulumi.export("secret", pulumi.Config().get_secret("word"))
"""


def test_a_program_runs_and_its_output_log_and_exports_arrive(make_project: MakeProject) -> None:
    project = make_project(PROGRAM)
    project.run("config", "set", "--secret", "word", "hushed", "-s", "dev")
    up = project.run("up", "--yes", "--skip-preview", "-s", "dev")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "printed by the program" in up.stdout
    assert "logged by the program" in up.stdout
    assert "warning" not in up.stdout + up.stderr
    assert "hushed" not in up.stdout
    outputs = project.run("stack", "output", "--json", "--show-secrets", "-s", "dev")
    assert json.loads(outputs.stdout) == {"answer": 42, "secret": "hushed"}
    again = project.run("preview", "--expect-no-changes", "-s", "dev")
    assert again.returncode == 0, again.stdout


def test_an_exception_is_shown_once_from_the_users_first_frame(make_project: MakeProject) -> None:
    project = make_project("import pulumi\ndef deep():\n    raise ValueError('it broke')\ndeep()\n")
    preview = project.run("preview", "-s", "dev")
    assert preview.returncode != 0
    diagnostics = preview.stdout.split("Diagnostics:")[1]
    assert diagnostics.count("ValueError: it broke") == 1
    assert diagnostics.count("Traceback") == 1
    assert "in deep" in diagnostics
    assert "run_program" not in diagnostics
    assert "runpy" not in diagnostics


def test_a_run_error_is_one_line(make_project: MakeProject) -> None:
    project = make_project("import pulumi\nraise pulumi.RunError('do this instead')\n")
    diagnostics = project.run("preview", "-s", "dev").stdout.split("Diagnostics:")[1]
    assert "error: do this instead" in diagnostics
    assert "Traceback" not in diagnostics
    assert "exited" not in diagnostics


def test_a_program_without_main_is_named(make_project: MakeProject) -> None:
    project = make_project(None)
    preview = project.run("preview", "-s", "dev")
    assert preview.returncode != 0
    assert f"unable to find main python program `__main__.py` in `{project.folder}`" in preview.stdout
    assert "Traceback" not in preview.stdout


def test_the_exit_status_of_a_program_is_reported(make_project: MakeProject) -> None:
    project = make_project("raise SystemExit(3)\n")
    preview = project.run("preview", "-s", "dev")
    assert preview.returncode != 0
    assert "the program exited with status 3" in preview.stdout


def test_a_program_that_exits_with_0_still_registers_what_it_declared(make_project: MakeProject) -> None:
    project = make_project(PROGRAM)
    assert project.run("up", "--yes", "--skip-preview", "-s", "dev").returncode == 0
    (project.folder / "__main__.py").write_text(PROGRAM + "\nimport sys\nsys.exit(0)\n")
    again = project.run("preview", "--expect-no-changes", "-s", "dev")
    assert again.returncode == 0, again.stdout


def test_a_program_sees_its_own_modules_and_none_of_ours(make_project: MakeProject) -> None:
    project = make_project("import pulumi, locks\npulumi.export('whose', locks.whose)\n")
    (project.folder / "locks.py").write_text("whose = 'mine'\n")
    up = project.run("up", "--yes", "--skip-preview", "-s", "dev")
    assert up.returncode == 0, up.stdout
    assert project.run("stack", "output", "whose", "-s", "dev").stdout.strip() == "mine"


def test_a_main_file_runs_with_its_siblings(make_project: MakeProject) -> None:
    project = make_project(None, more="main: code/start.py\n")
    code = project.folder / "code"
    code.mkdir()
    (code / "start.py").write_text("import pulumi, sibling\npulumi.export('name', sibling.NAME)\n")
    (code / "sibling.py").write_text("NAME = 'sibling'\n")
    up = project.run("up", "--yes", "--skip-preview", "-s", "dev")
    assert up.returncode == 0, up.stdout
    assert project.run("stack", "output", "name", "-s", "dev").stdout.strip() == "sibling"


WHICH_PYTHON = "import sys, pulumi\npulumi.export('prefix', sys.prefix)\n"


def test_the_virtualenv_option_chooses_the_interpreter(make_project: MakeProject) -> None:
    project = make_project(WHICH_PYTHON, runtime="{name: python, options: {virtualenv: env}}")
    environment = project.folder / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    site = next(environment.glob("lib/python*/site-packages"))
    packages = Path(pulumi.__file__).parents[1]
    (site / "borrowed.pth").write_text(f"{packages}\n")
    up = project.run("up", "--yes", "--skip-preview", "-s", "dev")
    assert up.returncode == 0, up.stdout
    assert project.run("stack", "output", "prefix", "-s", "dev").stdout.strip() == str(environment)


def test_a_virtualenv_that_is_not_there_is_named(make_project: MakeProject) -> None:
    project = make_project(WHICH_PYTHON, runtime="{name: python, options: {virtualenv: nowhere}}")
    preview = project.run("preview", "-s", "dev")
    assert preview.returncode != 0
    assert f"{project.folder / 'nowhere'} is not a virtual environment" in preview.stdout


def test_an_unknown_toolchain_is_refused(make_project: MakeProject) -> None:
    project = make_project(WHICH_PYTHON, runtime="{name: python, options: {toolchain: conda}}")
    preview = project.run("preview", "-s", "dev")
    assert preview.returncode != 0
    assert "unknown toolchain 'conda'" in preview.stdout


@pytest.mark.parametrize(
    ("checker", "program", "said"),
    [
        ("mypy", "count: int = 1\n", ""),
        ("mypy", 'count: int = "one"\n', 'Incompatible types in assignment (expression has type "str"'),
        ("pyright", "count: int = 1\n", "`typechecker: pyright` is set, but pyright is not installed for"),
        ("pytype", "count: int = 1\n", "unknown typechecker 'pytype'"),
    ],
)
def test_a_programs_types_are_checked_before_it_runs(
    make_project: MakeProject, checker: str, program: str, said: str
) -> None:
    ran = "print('it ran')\n"
    project = make_project(program + ran, runtime=f"{{name: python, options: {{typechecker: {checker}}}}}")
    preview = project.run("preview", "-s", "dev")
    assert (preview.returncode == 0) is (said == ""), preview.stdout
    assert said in preview.stdout
    assert ("it ran" in preview.stdout) is (said == "")


def test_about_names_the_interpreter_and_its_packages(make_project: MakeProject) -> None:
    project = make_project(PROGRAM)
    about = json.loads(project.run("about", "--json", "-s", "dev").stdout)
    assert about["runtime"]["executable"] == sys.executable
    assert "pulumi" in {dependency["name"] for dependency in about["dependencies"]}


SLEEPER = """
import pulumi, sys, time
pulumi.export("never", 1)
print("asleep")
try:
    time.sleep(60)
finally:
    open("cleaned", "w").close()
"""


def test_ctrl_c_ends_a_program_soon_and_quietly_and_leaves_no_process(make_project: MakeProject) -> None:
    project = make_project(SLEEPER)
    running = project.start("up", "--yes", "--skip-preview", "-s", "dev")
    running.wait_for("asleep")
    family = running.descendants()
    assert len(family) >= 2
    seconds = running.interrupt()
    assert running.process.returncode != 0
    assert seconds < 10
    assert "update canceled" in running.text()
    assert "Traceback" not in running.text()
    assert "KeyboardInterrupt" not in running.text()
    assert gone(family)
    assert (project.folder / "cleaned").exists()


def test_no_process_outlives_an_engine_that_is_killed(make_project: MakeProject) -> None:
    project = make_project(SLEEPER)
    running = project.start("up", "--yes", "--skip-preview", "-s", "dev")
    running.wait_for("asleep")
    family = running.descendants()
    assert len(family) >= 2
    running.process.kill()
    running.process.wait()
    assert gone(family)
