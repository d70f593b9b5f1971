"""The contract every resource type keeps, run for each record through the provider door; boto3 is the witness."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from localcloud_cases import CASES
from localcloud_door import UNKNOWN, Door, Made
from localcloud_world import Case, World, can_confine

from factory.daemons import RunFile
from localcloud.provider.compare import same
from localcloud.provider.values import plain
from localcloud.records import RECORDS

REGION = "eu-central-1"
EDITABLE = [case for case in CASES if case.edit]
each_case = pytest.mark.parametrize("case", CASES, ids=[case.type for case in CASES])
each_editable_case = pytest.mark.parametrize("case", EDITABLE, ids=[case.type for case in EDITABLE])


@pytest.fixture(autouse=True)
def sandbox_where_needed(request: pytest.FixtureRequest) -> None:
    case = request.node.callspec.params.get("case") if hasattr(request.node, "callspec") else None
    if case and case.confined and not can_confine():
        pytest.skip("no process can be confined here")


@pytest.fixture(scope="module")
def shared(cloud: RunFile) -> Iterator[Door]:
    with Door(cloud.addresses["provider"]) as door:
        door.configure(region=REGION)
        yield door


@pytest.fixture(scope="module")
def world(shared: Door) -> World:
    return World(shared)


@pytest.fixture
def make(shared: Door, world: World, request: pytest.FixtureRequest) -> Iterator[Callable[[Case], Made]]:
    """Create a case's resource under a name of the test's own, and remove it afterwards."""
    left: list[Made] = []

    def create(case: Case) -> Made:
        name = f"c{abs(hash(request.node.name)) % 10**8}"
        left.append(shared.create(case.type, name, case.declare(world)))
        return left[-1]

    yield create
    for made in left:
        shared.delete(made)


def changes(answer: Any) -> bool:
    return bool(answer.changes == answer.DIFF_SOME)


def test_every_record_has_a_case() -> None:
    assert {case.type for case in CASES} == set(RECORDS)


@each_case
def test_boto3_reads_what_was_declared(case: Case, make: Callable[[Case], Made], aws: Any) -> None:
    made = make(case)
    for name, value in case.told(aws, made).items():
        assert same(RECORDS[case.type].properties[name], made.inputs[name], value), name


@each_case
def test_the_same_declaration_is_no_change(
    case: Case, make: Callable[[Case], Made], shared: Door, world: World
) -> None:
    answer = shared.diff(make(case), case.declare(world))
    assert not changes(answer), list(answer.diffs)


@each_case
def test_a_refresh_right_after_creation_finds_nothing(case: Case, make: Callable[[Case], Made], shared: Door) -> None:
    made = make(case)
    found = shared.read(made)
    assert found is not None
    assert (found.id, found.inputs, found.outputs) == (made.id, made.inputs, made.outputs)


@each_case
def test_a_change_is_made_in_place_or_says_that_it_replaces(
    case: Case, make: Callable[[Case], Made], shared: Door, world: World, aws: Any
) -> None:
    made, news = make(case), case.declare(world) | case.change(world)
    answer = shared.diff(made, news)
    assert changes(answer)
    assert bool(answer.replaces) is case.replaces
    assert {path.split(".")[0].split("[")[0] for path in answer.detailedDiff} >= set(case.change(world))
    if not case.replaces:
        updated = shared.update(made, news)
        for name, value in case.told(aws, updated).items():
            assert same(RECORDS[case.type].properties[name], updated.inputs[name], value), name
        assert not changes(shared.diff(updated, news))
        assert shared.read(updated) == updated


@each_editable_case
def test_a_refresh_sees_an_outside_edit_and_the_next_update_undoes_it(
    case: Case, make: Callable[[Case], Made], shared: Door, world: World, aws: Any
) -> None:
    made = make(case)
    news = case.declare(world)
    if case.edited_after_change:
        news |= case.change(world)
        made = shared.update(made, news)
    assert case.edit
    case.edit(aws, made, world)
    found = shared.read(made)
    assert found is not None
    assert plain(found.inputs.get(case.drifts)) != plain(made.inputs.get(case.drifts))
    assert changes(shared.diff(found, news))
    mended = shared.update(found, news)
    assert plain(mended.inputs) == plain(made.inputs)
    assert shared.read(mended) == mended


@each_case
def test_deleting_removes_it_and_deleting_again_succeeds(case: Case, shared: Door, world: World) -> None:
    made = shared.create(case.type, "deleted", case.declare(world))
    shared.delete(made)
    assert (shared.read(made) is not None) is case.outlives_deletion
    shared.delete(made)


@each_case
def test_what_exists_can_be_imported_without_a_difference(
    case: Case, make: Callable[[Case], Made], shared: Door, world: World
) -> None:
    made = make(case)
    found = shared.bring_in(case.type, case.import_id(made))
    assert found is not None
    # No cloud tells these: the program's own value is the first that is known.
    unread = tuple(name for name, prop in RECORDS[case.type].properties.items() if not prop.told)
    news = case.declare(world)
    name_rule = RECORDS[case.type].name
    if name_rule is not None:
        news[name_rule.prop] = made.inputs[name_rule.prop]
    answer = shared.diff(found, news, ignore=unread)
    assert not changes(answer), {path: answer.detailedDiff[path].kind for path in answer.detailedDiff}


@each_case
def test_a_preview_knows_what_is_declared_and_promises_the_rest(
    case: Case, make: Callable[[Case], Made], shared: Door, world: World
) -> None:
    made = make(case)
    known = shared.preview(case.type, made.name, case.declare(world))
    decided = {name for name, value in known.items() if value is UNKNOWN}
    assert set(made.outputs) <= set(known)
    assert {name: known[name] for name in case.declare(world)} == {
        name: made.inputs[name] for name in case.declare(world)
    }
    assert decided <= set(RECORDS[case.type].outputs) | {
        name for name, prop in RECORDS[case.type].properties.items() if prop.cloud_decides
    }


@each_case
def test_unknown_inputs_pass_through_a_preview(case: Case, shared: Door, world: World) -> None:
    names = list(case.declare(world))
    known = shared.preview(case.type, "unknown", case.declare(world) | {names[0]: UNKNOWN})
    assert plain(known[names[0]]) is UNKNOWN


@each_case
def test_an_unknown_property_is_refused_by_name(case: Case, shared: Door, world: World) -> None:
    name = next(iter(case.declare(world)))
    answer = shared.check(case.type, "refused", case.declare(world) | {f"{name}x": "1"})
    assert list(answer.failures) == [f"{name}x"]
    assert case.type in answer.failures[f"{name}x"]
    assert f'"{name}"' in answer.failures[f"{name}x"]
    assert not shared.check(case.type, "refused", case.declare(world)).failures


@each_case
def test_a_wrong_primitive_type_is_refused_by_name(case: Case, shared: Door, world: World) -> None:
    name, value = next(iter(case.declare(world).items()))
    answer = shared.check(case.type, "refused", case.declare(world) | {name: 7 if isinstance(value, str) else "seven"})
    assert name in answer.failures
    assert case.type in answer.failures[name]


@each_case
def test_a_missing_required_property_is_refused_by_name(case: Case, shared: Door, world: World) -> None:
    required = {name for name, prop in RECORDS[case.type].properties.items() if prop.required}
    answer = shared.check(case.type, "refused", {})
    assert required <= set(answer.failures)


def test_a_connection_that_never_configured_is_refused(cloud: RunFile) -> None:
    with Door(cloud.addresses["provider"]) as stranger, pytest.raises(grpc.RpcError) as refused:
        stranger.create("aws:ec2/vpc:Vpc", "v", {"cidrBlock": "10.0.0.0/16"})
    assert "never configured" in refused.value.details()
