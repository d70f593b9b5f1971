"""`millwright app`: apps are added, shown, checked and brought to the present format."""

from console_runner import Runner
from spec_strategies import GOOD

from factory.errors import ExitCode
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.settings import load
from factory.spec import load_app

OLD = GOOD.replace("millwright/v2", "millwright/v1").replace("  coder:\n", "  coder:\n    turns: 7\n")
ACCESS = """\
access:
  - {function: coder, resource: secrets.signing-key, environments: [staging], scope: read, lease: 60}
  - {function: coder, resource: services.web, environments: [production], scope: write, approval: security}
"""


def test_an_app_is_added_with_a_network_of_its_own(millwright: Runner, root: FactoryRoot) -> None:
    told = millwright("app", "init", "shop", "--json")
    assert (told.code, told.documents[0]["network"]) == (ExitCode.OK, "10.30.0.0/16")
    assert millwright("app", "init", "notes", "--json").documents[0]["network"] == "10.31.0.0/16"
    assert millwright("app", "validate").code == ExitCode.OK
    assert [each["app"] for each in millwright("app", "list", "--json").documents[0]] == ["links", "notes", "shop"]
    assert not list(root.apps.glob(".*"))


def test_an_app_that_is_there_or_has_no_name_is_not_added(millwright: Runner, root: FactoryRoot) -> None:
    before = (root.apps / "links" / "app.yaml").read_text()
    for name, words in (("links", "exists already"), ("Shop", "cannot be the name"), ("../x", "cannot be the name")):
        told = millwright("app", "init", name)
        assert (told.code, words in told.err) == (ExitCode.INVALID_INPUT, True), told.err
    assert (root.apps / "links" / "app.yaml").read_text() == before
    assert [path.name for path in root.apps.iterdir()] == ["links"]


def test_what_a_file_means_is_shown_with_its_defaults(millwright: Runner, root: FactoryRoot) -> None:
    shown = millwright("app", "show", "links", "--json").documents[0]
    assert shown["digest"] == load_app(root, "links").digest()
    assert shown["spec"]["agents"]["coder"]["budget"] == {"turns": 40, "minutes": 15, "dollars": 2.0}
    assert "costCenter: web-team\n" in millwright("app", "show", "links").out


def test_an_older_file_is_upgraded_and_a_dry_run_changes_nothing(millwright: Runner, root: FactoryRoot) -> None:
    path = root.apps / "links" / "app.yaml"
    path.write_text(OLD)
    refused = millwright("app", "validate")
    assert (refused.code, "millwright app upgrade links" in refused.err) == (ExitCode.INVALID_INPUT, True)
    tried = millwright("app", "upgrade", "--dry-run")
    assert (tried.code, "+      turns: 7" in tried.out, path.read_text()) == (ExitCode.OK, True, OLD)
    done = millwright("app", "upgrade", "links", "--json")
    assert done.documents == [{"app": "links", "apiVersion": "millwright/v2", "changed": True, "written": True}]
    assert (millwright("app", "validate").code, millwright("app", "upgrade").code) == (ExitCode.OK, ExitCode.OK)
    assert load_app(root, "links").agents["coder"].budget.turns == 7


def test_a_file_whose_meaning_is_wrong_in_any_format_is_left_as_it_is(millwright: Runner, root: FactoryRoot) -> None:
    path = root.apps / "links" / "app.yaml"
    wrong = OLD.replace("turns: 7", "turns: 0")
    path.write_text(wrong)
    told = millwright("app", "upgrade")
    assert (told.code, "agents.coder.budget.turns" in told.err) == (ExitCode.INVALID_INPUT, True)
    assert path.read_text() == wrong


def test_a_gate_at_which_nobody_can_decide_is_told(millwright: Runner, root: FactoryRoot) -> None:
    assert millwright("app", "validate").code == ExitCode.OK
    assert millwright("people", "demo").code == ExitCode.OK
    assert millwright("app", "validate").code == ExitCode.OK
    people = root.demo_people / "people.yaml"
    people.write_text(people.read_text().replace("roles: [operator]", "roles: [viewer]"))
    assert not any("operator" in str(role) for person in load_people(root, load(root)) for role in person.roles)
    told = millwright("app", "validate")
    assert told.code == ExitCode.INVALID_INPUT
    assert "links/app.yaml:18:3: environments: nobody holds the role operator for links" in told.err
    people.write_text(people.read_text().replace("roles: [architect]", "roles: [viewer]"))
    assert "nobody holds the role architect for links, which decides at the gate architecture" in (
        millwright("app", "validate").err
    )
    # Where only build is declared, neither is asked.
    path = root.apps / "links" / "app.yaml"
    text = path.read_text()
    path.write_text(text.replace("  staging: {}\n", "").replace("  production: {}\n", ""))
    assert path.read_text() != text
    assert millwright("app", "validate").code == ExitCode.OK


def test_what_an_app_lets_agents_into_is_shown_and_said_to_be_an_upper_bound(
    millwright: Runner, root: FactoryRoot
) -> None:
    path = root.apps / "links" / "app.yaml"
    path.write_text(GOOD + ACCESS)
    shown = millwright("app", "show", "links")
    assert "# Access. A rule is an upper bound: each grant is asked for, recorded, and ended." in shown.out
    rows = [line.split() for line in shown.out.splitlines() if line.startswith("# coder")]
    assert rows == [
        ["#", "coder", "secrets.signing-key", "staging", "read", "60", "minutes", "-", "app.yaml"],
        ["#", "coder", "services.web", "production", "write", "15", "minutes", "security", "app.yaml"],
        ["#", "coder", "model", "build", "read", "240", "minutes", "-", "its", "tasks", "need", "it"],
        ["#", "coder", "repository", "build", "write", "240", "minutes", "-", "its", "tasks", "need", "it"],
    ]
    # It stays a file that can be read again.
    path.write_text(shown.out)
    told = millwright("app", "show", "links", "--json").documents[0]
    assert told["access"]["note"].startswith("A rule is an upper bound")
    assert told["access"]["rules"][1] == {
        "function": "coder",
        "resource": "services.web",
        "environment": "production",
        "scope": "write",
        "lease": 15,
        "approval": "security",
        "needed": False,
    }
    assert told["spec"]["agents"]["code-reviewer"]["tools"] == ["read", "search"]


def test_an_access_that_nobody_could_approve_is_told(millwright: Runner, root: FactoryRoot) -> None:
    (root.apps / "links" / "app.yaml").write_text(GOOD + ACCESS)
    assert millwright("people", "demo").code == ExitCode.OK
    assert millwright("app", "validate").code == ExitCode.OK
    people = root.demo_people / "people.yaml"
    people.write_text(people.read_text().replace("roles: [security]", "roles: [viewer]"))
    told = millwright("app", "validate")
    assert told.code == ExitCode.INVALID_INPUT
    assert "access.1.approval: nobody holds the role security for links, which this access needs" in told.err
