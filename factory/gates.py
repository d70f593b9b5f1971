"""Roles that people hold, gates at which they decide, and which role decides where when app.yaml says nothing."""

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """What a person may do; held for every app or for named ones."""

    ARCHITECT = "architect"
    SECURITY = "security"
    MAINTAINER = "maintainer"
    OPERATOR = "operator"
    VIEWER = "viewer"


class Gate(StrEnum):
    """A point where a person decides. `attention` is a change that cannot go on: try again, or give it up.

    `access` is not named among an app's gates: each of its access rules names who agrees.
    """

    ARCHITECTURE = "architecture"
    SECURITY_EXCEPTION = "security-exception"
    MERGE = "merge"
    PRODUCTION = "production"
    DESTROY = "destroy"
    ATTENTION = "attention"
    ACCESS = "access"


class Deciders(NamedTuple):
    """Whose approval a gate takes: that of so many different people, each of whom holds the role."""

    role: Role
    approvals: int = 1


# More than so many people would not be found when something is urgent.
MOST_APPROVALS = 5
# Who decides, when app.yaml names no other role.
DEFAULT_ROLES: dict[Gate, Role] = {
    Gate.ARCHITECTURE: Role.ARCHITECT,
    Gate.SECURITY_EXCEPTION: Role.SECURITY,
    Gate.MERGE: Role.MAINTAINER,
    Gate.PRODUCTION: Role.OPERATOR,
    Gate.DESTROY: Role.OPERATOR,
    Gate.ATTENTION: Role.MAINTAINER,
}
# Which roles may let an agent into something of the app's, where app.yaml asks for an approval. Production is let into
# only by who may also decide what runs there.
ACCESS_ROLES = frozenset({Role.MAINTAINER, Role.OPERATOR, Role.SECURITY})
# Which roles app.yaml may name for a gate: an app can ask for a stricter one, never for a weaker one.
ALLOWED_ROLES: dict[Gate, frozenset[Role]] = {
    Gate.ARCHITECTURE: frozenset({Role.ARCHITECT}),
    Gate.SECURITY_EXCEPTION: frozenset({Role.SECURITY}),
    Gate.MERGE: frozenset({Role.MAINTAINER, Role.ARCHITECT, Role.SECURITY}),
    Gate.PRODUCTION: frozenset({Role.OPERATOR, Role.SECURITY}),
    Gate.DESTROY: frozenset({Role.OPERATOR, Role.SECURITY}),
    Gate.ATTENTION: frozenset({Role.MAINTAINER, Role.OPERATOR, Role.ARCHITECT, Role.SECURITY}),
    Gate.ACCESS: ACCESS_ROLES,
}
