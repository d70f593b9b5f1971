"""Environments go back to earlier releases, by the commands of docs/how-to/roll-back.md, with the real engine."""

import re
from collections.abc import Iterator

import pytest
from e2e_line import APP, Line
from e2e_place import REPOSITORY, Place, Ran

from factory import artefacts, daemons, db, demo_people, releases
from factory.decisions import Verdict
from factory.releases import Proposal, Release
from factory.spec import load_app
from pipeline.records import ChangeState

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]
PAGE = REPOSITORY / "docs" / "how-to" / "roll-back.md"
PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
UP = ("up", "--yes", "--skip-preview", "--expect-no-changes", "-s")
ASKED = ("rollback", APP, "production", "--as", demo_people.AUTHOR)


@pytest.fixture(scope="module")
def line(place: Place) -> Iterator[Line]:
    line = Line(place)
    line.worker()
    yield line
    daemons.stop(place.root, daemons.WORKER)


def commands(title: str) -> list[str]:
    """The shell lines of one section of the page."""
    section = PAGE.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
    return [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]


def as_documented(place: Place, command: str) -> Ran:
    """What a line of the page does; its comment says the exit code, where it is not 0."""
    typed, _, comment = command.partition("#")
    expected = re.search(r"exit code (\d+)", comment)
    ran = place.run(*typed.split())
    assert ran.code == int(expected[1] if expected else 0), command + ran.out + ran.err
    return ran


def declare(place: Place, replicas: int, secret: str = "") -> None:
    """Edit app.yaml."""
    text = re.sub("replicas: .", f"replicas: {replicas}", place.app_yaml.read_text())
    place.app_yaml.write_text(text.replace("secrets:", f"secrets:\n  {secret}: {{}}") if secret else text)


def copies(place: Place, environment: str) -> int:
    name = f"{APP}-{environment}-web"
    (service,) = place.cloud.client("ecs").describe_services(cluster=name, services=[name])["services"]
    return int(service["desiredCount"])


def released_to_staging(line: Line) -> Release:
    """A release of what app.yaml says now, made as the worker makes one."""
    root, spec = line.place.root, load_app(line.place.root, APP)
    proposal = Proposal(
        key=f"staging:{spec.digest()}",
        app=APP,
        environment="staging",
        artefact=artefacts.store(root, root.apps / APP / "source"),
        spec=spec.model_dump(mode="json", by_alias=True),
        spec_digest=spec.digest(),
        change=None,
    )
    with db.transaction(line.database) as connection:
        release = releases.propose(connection, proposal)
        releases.begin(connection, release.id, None)
    ran = line.place.millwright("up", APP, "staging")
    assert ran.code == 0, ran.err
    with db.transaction(line.database) as connection:
        releases.serves(connection, release)
    return release


def says_what_is_set_aside(ran: Ran) -> None:
    """It found nothing to do, and named what app.yaml says otherwise."""
    assert ran.code == 0, ran.out + ran.err
    assert "app.yaml differs in services.web.replicas: it is set aside" in " ".join((ran.out + ran.err).split())


def test_staging_goes_back_and_forward_as_the_page_says(line: Line) -> None:
    place = line.place
    first = released_to_staging(line)
    declare(place, 2)
    second = released_to_staging(line)
    assert (first.id, second.id) == (1, 2)
    back, shown, again, forward = commands("Staging")
    as_documented(place, back)
    assert copies(place, "staging") == 1
    assert "3 (rollback-1): back from 2 to 1" in as_documented(place, shown).out
    says_what_is_set_aside(place.pulumi(*UP, "links-staging"))
    says_what_is_set_aside(place.millwright("preview", APP, "staging"))
    assert "nothing to do: links-staging serves release 3: it went back already" in as_documented(place, again).out
    as_documented(place, forward)
    assert copies(place, "staging") == 2
    script = place.root.path / "script.py"
    script.write_text(PYTHON_BLOCK.findall(PAGE.read_text())[0])
    ran = place.run("python", str(script))
    assert ran.out == "links-staging goes back from release 4 to release 1\nlinks/rollback-3\n", ran.err
    line.until_ended("links/rollback-3")
    states = [(release.id, release.state.value) for release in line.releases()]
    assert states == [(5, "serving"), (4, "replaced"), (3, "replaced"), (2, "replaced"), (1, "replaced")]


def test_production_goes_back_once_a_person_has_decided_it(line: Line) -> None:
    place = line.place
    declare(place, 1)
    with line.people():
        line.until_ended(line.promote().id)
        declare(place, 2)
        line.until_ended(line.promote().id)
    assert copies(place, "production") == 2
    second, first = (release for release in line.releases() if release.environment == "production")
    # Whoever edits the file back by hand decides nothing.
    declare(place, 1)
    refused = place.pulumi("up", "--yes", "--skip-preview", "-s", "links-production")
    assert (refused.code, "edited after the decision" in refused.err) == (6, True), refused.err
    declare(place, 2)
    ask, inbox = commands("Production")
    as_documented(place, ask)
    assert f"production back to release {first.id}" in as_documented(place, inbox).out
    # Asked again, it is the same question; what was decided before still holds, and nothing else does.
    as_documented(place, ask)
    (request,) = line.inbox()
    assert place.pulumi(*UP, "links-production").code == 0
    assert copies(place, "production") == 2
    line.decide(request, Verdict.APPROVE, "back")
    done = place.millwright(*ASKED)
    assert done.code == 0, done.out + done.err
    assert copies(place, "production") == 1
    says_what_is_set_aside(place.pulumi(*UP, "links-production"))
    says_what_is_set_aside(place.millwright("drift", APP, "production"))
    told = place.millwright("history", APP, "production", "--limit", "3", "--json").documents
    assert {"from": second.id, "to": first.id} in [update["rollback"] for update in told]


def test_a_way_back_that_would_lose_data_is_refused_and_named(line: Line) -> None:
    place = line.place
    declare(place, 2, "partner-token")
    with line.people():
        line.until_ended(line.promote().id)
    before = line.releases()[0]
    refused = place.millwright(*ASKED)
    assert refused.code == 13, refused.out + refused.err
    assert "would lose data" in refused.out
    assert "aws:secretsmanager/secret:Secret" in refused.out
    assert line.inbox() == []
    assert [(r.id, r.state) for r in line.releases()][:2] == [(before.id + 1, "refused"), (before.id, "serving")]
    assert line.change(refused.out.split()[0]).state is ChangeState.FAILED
    assert place.pulumi(*UP, "links-production").code == 0
