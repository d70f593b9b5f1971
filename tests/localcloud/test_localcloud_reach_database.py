"""A copy reaches the databases that security groups let it reach, at the address the cloud tells, and no others."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from localcloud_reach import APP, App, Network
from localcloud_runtime import Declared, stored_app, wait_for

from factory import daemons
from factory.paths import FactoryRoot

pytestmark = pytest.mark.engine
REFUSED = "ConnectionRefusedError"
CUT = ("InterfaceError", "ConnectionResetError", "BrokenPipeError", REFUSED)


@dataclass
class World:
    """Two apps and the database of the first, all in one VPC."""

    network: Network
    group: str
    database_group: str
    rule: str
    database: tuple[str, int]
    app: App
    other: App

    def until_refused(self) -> None:
        wait_for(lambda: self.app("connect", *self.database) == REFUSED)

    def until_reached(self) -> None:
        wait_for(lambda: self.app("connect", *self.database) == "connected")


@pytest.fixture(scope="module")
def world(runtime_root: FactoryRoot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    digest = stored_app(runtime_root, tmp_path_factory.mktemp("app") / "source", APP)
    cloud = Declared(daemons.ensure(runtime_root, "localcloud"), digest)
    try:
        network = Network(cloud, 50)
        group, database_group, other_group = (network.group(name) for name in ("app", "database", "other"))
        rule = network.admit(database_group, 5432, group)
        database = network.database("orders", database_group)
        app, other = network.app("app", group), network.app("other", other_group)
        yield World(network, group, database_group, rule, database, app, other)
    finally:
        daemons.stop(runtime_root, "localcloud")
    assert "Traceback" not in (runtime_root.logs / "localcloud.log").read_text()


def test_a_copy_reaches_its_database_at_the_address_that_the_cloud_tells(world: World) -> None:
    assert world.app("query", *world.database) == "clerk"
    assert world.app("query", *world.database, password="wrong") == "DatabaseError"


def test_a_copy_of_another_app_does_not(world: World) -> None:
    assert world.app("query", *world.database) == "clerk"
    assert world.other("connect", *world.database) == REFUSED
    # Nor by the way that its own forwarder takes.
    assert world.app("line", f"{world.database[0]} {world.database[1]}") == "+"
    assert world.other("line", f"{world.database[0]} {world.database[1]}") == ""
    assert world.other("line", "watch") == "[]\n"


def test_a_port_that_no_rule_names_is_refused(world: World) -> None:
    address, port = world.database
    assert world.app("connect", address, port) == "connected"
    for closed in (port + 1, 22, 80):
        assert world.app("connect", address, closed) == REFUSED
        assert world.app("line", f"{address} {closed}") == ""


def test_the_daemons_doors_and_the_hosts_loopback_are_not_there(world: World) -> None:
    doors = [world.network.cloud.run_file.addresses[door] for door in ("ingress", "http", "provider")]
    for port in (int(door.rpartition(":")[2]) for door in doors):
        assert world.app("connect", "127.0.0.1", port) == REFUSED
        assert world.app("line", f"127.0.0.1 {port}") == ""
    assert world.app("query", *world.database) == "clerk"
    assert world.app("listed", "/run/way") == ["s"]
    assert world.app("listed", "/run/door") == ["s"]


def test_a_removed_rule_ends_new_and_open_connections_and_a_new_one_needs_no_restart(world: World) -> None:
    before = world.app.tasks
    assert world.app("keep", *world.database) == "kept"
    assert world.app("kept_one") == 7
    world.network.refuse(world.database_group, world.rule)
    # At once, whatever is still listened at inside.
    assert world.app("query", *world.database) in CUT
    assert world.app("line", f"{world.database[0]} {world.database[1]}") == ""
    world.until_refused()
    assert world.app("kept_one") in CUT
    world.rule = world.network.admit(world.database_group, 5432, "10.50.0.0/16")
    world.until_reached()
    assert world.app("query", *world.database) == "clerk"
    assert world.app.tasks == before


def test_what_the_apps_own_group_does_not_let_out_is_refused(world: World) -> None:
    ec2, everything = world.network.cloud.aws("ec2"), [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    assert world.app("query", *world.database) == "clerk"
    ec2.revoke_security_group_egress(GroupId=world.group, IpPermissions=everything)
    assert world.app("query", *world.database) in CUT
    world.until_refused()
    ec2.authorize_security_group_egress(GroupId=world.group, IpPermissions=everything)
    world.until_reached()


def test_an_instance_that_comes_later_is_reached_and_a_stopped_one_is_not(world: World) -> None:
    before = world.app.tasks
    later = world.network.database("later", world.database_group)
    wait_for(lambda: world.app("connect", *later) == "connected")
    assert world.app("query", *later) == "clerk"
    rds = world.network.cloud.aws("rds")
    rds.stop_db_instance(DBInstanceIdentifier="later")
    assert world.app("query", *later) in CUT
    wait_for(lambda: world.app("connect", *later) == REFUSED)
    assert world.app("query", *world.database) == "clerk"
    assert world.app.tasks == before


def test_an_instance_in_another_vpc_is_refused_though_its_rules_admit_everybody(world: World) -> None:
    elsewhere = Network(world.network.cloud, 51)
    group = elsewhere.group("open")
    elsewhere.admit(group, 5432, "0.0.0.0/0")
    there = elsewhere.database("elsewhere", group)
    neighbour = elsewhere.app("neighbour", elsewhere.group("neighbour"))
    assert neighbour("query", *there) == "clerk"
    assert neighbour("connect", *world.database) == REFUSED
    assert world.app("connect", *there) == REFUSED


def test_an_instances_own_groups_decide_also_when_they_are_changed(world: World) -> None:
    rds, group = world.network.cloud.aws("rds"), world.network.group("closed")
    assert world.app("query", *world.database) == "clerk"
    rds.modify_db_instance(DBInstanceIdentifier="orders", VpcSecurityGroupIds=[group])
    assert world.app("query", *world.database) in CUT
    world.until_refused()
    rds.modify_db_instance(DBInstanceIdentifier="orders", VpcSecurityGroupIds=[world.database_group])
    world.until_reached()
