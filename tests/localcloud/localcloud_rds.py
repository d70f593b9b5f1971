"""RDS instances of the tests, and how a program reaches one that has nothing but its outputs."""

import socket
from typing import Any

from localcloud_door import Made
from pg8000.native import Connection

FIRST = "first-password"
INSTANCE = "aws:rds/instance:Instance"


def declaration(**more: Any) -> dict[str, Any]:
    return {
        "engine": "postgres",
        "instanceClass": "db.t4g.micro",
        "allocatedStorage": 20,
        "dbName": "orders",
        "username": "clerk",
        "password": FIRST,
        "skipFinalSnapshot": True,
    } | more


def connect(made: Made, password: str = FIRST, **other: Any) -> Connection:
    place = {"host": made.outputs["address"], "port": int(made.outputs["port"])}
    return Connection(**{"user": "clerk", "database": "orders", "password": password, **place, **other})


def answers(made: Made) -> bool:
    try:
        socket.create_connection((made.outputs["address"], int(made.outputs["port"])), 1).close()
    except OSError:
        return False
    return True


def status(aws: Any, made: Made) -> str:
    (told,) = aws("rds").describe_db_instances(DBInstanceIdentifier=made.inputs["identifier"])["DBInstances"]
    return str(told["DBInstanceStatus"])


def failed(aws: Any, made: Made) -> list[dict[str, Any]]:
    (told,) = aws("rds").describe_db_instances(DBInstanceIdentifier=made.inputs["identifier"])["DBInstances"]
    return told["StatusInfos"] if told["DBInstanceStatus"] == "failed" else []
