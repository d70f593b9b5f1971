"""Production whose gate asks for two, with the real engine: one approval opens no door."""

from collections.abc import Callable

import pytest
from e2e_place import Place, Ran

from factory import artefacts, db, demo_people, releases, requests
from factory.gates import Gate
from factory.releases import Proposal
from factory.requests import Question
from factory.settings import Settings
from factory.spec import Environment, load_app
from stacks import places, production

pytestmark = pytest.mark.e2e


# tests/stacks/test_stacks_approvals.py asks the program's own function the same.
@pytest.mark.long
def test_one_approval_where_two_are_needed_opens_production_by_no_door(place: Place, bare: Callable[..., Ran]) -> None:
    before = place.app_yaml.read_text()
    place.app_yaml.write_text(before + "gates: {production: {approvals: 2}}\n")
    demo_people.ensure_with_deputy(place.root, Settings())
    try:
        request = _wanted_in_production(place)
        assert place.millwright("approve", str(request), "--as", demo_people.OPERATOR).code == 0
        why = "it takes 2 approvals: 1 of 2 approved by demo-operator"
        shim = place.pulumi("up", "--yes", "-s", "links-production")
        assert (shim.code, why in shim.err) == (6, True), shim.err
        program = bare("preview", "-s", "links-production")
        assert (program.code != 0, why in program.out + program.err) == (True, True), program.out
        assert place.millwright("approve", str(request), "--as", demo_people.DEPUTY).code == 0
        # Now the program goes on, to what nobody has given it here: the value of the app's secret.
        decided = bare("preview", "-s", "links-production")
        assert "Missing required configuration variable" in decided.out
        assert "is production" not in decided.out + decided.err
    finally:
        place.app_yaml.write_text(before)


def _wanted_in_production(place: Place) -> int:
    """A release that is to serve in production, as the line would have proposed it; the request that asks for it."""
    spec, database = load_app(place.root, "links"), db.connect(place.root, Settings())
    where = places.Place(place.root, Settings(), database, spec, Environment.PRODUCTION)
    named = {"app": "links", "environment": "production", "change": "x", "key": "links/x:production:1"}
    declared = {"spec": spec.model_dump(mode="json", by_alias=True), "spec_digest": spec.digest()}
    artefact = artefacts.store(place.root, production.source_of(where))
    role, approvals = spec.deciders_at(Gate.PRODUCTION)
    asked = {**named, "gate": Gate.PRODUCTION, "title": "x", "authors": [], "role": role, "approvals": approvals}
    with db.transaction(database) as connection:
        release = releases.propose(connection, Proposal(**named, **declared, artefact=artefact))
        shown = production.shown(where, release, None, [], {})
        request = requests.open_request(connection, Question(**asked, shown=shown))
        releases.begin(connection, release.id, request.id)
    return request.id
