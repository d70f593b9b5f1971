"""A task in its own process, let out: what it runs asks the proxy, and the model reads the answer."""

from agents_place import Surroundings

from access.client import Asker, Proxies
from agents.brief import EgressWay, Outcome, OutcomeState
from factory import db, events
from factory.paths import FactoryRoot
from factory.settings import Settings

SCRIPT = """
attempts:
  1:
    turns:
      - use:
          - run: {argv: [python, -c, "import urllib.request as r; r.urlopen('https://evil.example.net/')"]}
      - when: {tool: run, is_error: true, contains: ["403 evil.example.net:443 is not on the egress list"]}
        use: [{submit: {summary: "It is not on the list."}}]
"""


def test_a_task_of_its_own_process_is_let_out_and_refused_by_name(place: Surroundings) -> None:
    root, proxies = FactoryRoot(place.path), Proxies()
    database = db.connect(root, Settings())
    asker = Asker(app="links", change="sums", task="links.sums.coder.1", function="coder")
    place.script(SCRIPT)
    with proxies.opened(root, database, asker, ["api.example.com"], place.folder / "way") as way:
        assert way
        brief = place.brief(egress=EgressWay(socket=way.socket, proxy=way.proxy, hosts=["api.example.com"]))
        assert place.process(place.door.issue(brief.task)).wait(timeout=120) == 0
    proxies.close()
    outcome = Outcome.model_validate_json((place.folder / "outcome.json").read_text())
    assert outcome.state is OutcomeState.SUBMITTED, outcome.reason
    with db.transaction(database) as connection:
        (refused,) = events.recent(connection, app="links")
    assert (refused.kind, refused.task, refused.properties["asked"]) == (
        "egress.refused",
        "links.sums.coder.1",
        "CONNECT evil.example.net:443",
    )
