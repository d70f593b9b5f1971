"""A good app.yaml, roots that hold it, and random valid specs: what the tests of several rooms start from."""

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from factory.paths import FactoryRoot
from factory.spec import (
    APP_NAME_LENGTH,
    FUNCTION_TOOLS,
    KEPT_NAMES,
    KEPT_PREFIXES,
    LEASE_MINUTES,
    NEEDED_TOOLS,
    PART_NAME_LENGTH,
    AppSpec,
    Environment,
    Function,
    Scope,
)
from factory.spec.access import approvers, named_resources, stands_in
from factory.spec.crossfield import ENDINGS, KEPT_PARTS, KEPT_VARIABLES

GOOD = """\
apiVersion: millwright/v2
name: links
owner: web-team
region: eu-central-1
network:
  cidr: 10.20.0.0/16
services:
  web:
    port: 8080
    replicas: 2
secrets:
  signing-key: {}
agents:
  coder:
    secrets: [signing-key]
  code-reviewer: {}
environments:
  build: {}
  staging: {}
  production: {}
"""
# The same as plain data.
GOOD_DATA: dict[str, Any] = {
    "apiVersion": "millwright/v2",
    "name": "links",
    "owner": "web-team",
    "region": "eu-central-1",
    "network": {"cidr": "10.20.0.0/16"},
    "services": {"web": {"port": 8080, "replicas": 2}},
    "secrets": {"signing-key": {}},
    "agents": {"coder": {"secrets": ["signing-key"]}, "code-reviewer": {}},
    "environments": {"build": {}, "staging": {}, "production": {}},
}


def factory_in(folder: Path, app_yaml: str = GOOD, app: str = "links") -> FactoryRoot:
    """A factory in `folder` with one app, whose file has this text."""
    root = FactoryRoot(folder)
    source = root.apps / app / "source"
    source.mkdir(parents=True)
    (source / "main.py").write_text("print('hello')\n")
    (root.apps / app / "app.yaml").write_bytes(app_yaml.encode())
    root.settings_file.write_text("aws: local\n")
    root.project_file.write_text("name: my-factory\nruntime: python\nstackConfigDir: .millwright/stacks\n")
    return root


def _may_be_an_app(name: str) -> bool:
    first, *others = name.split("-")
    return (
        len(name) > 1 and first not in KEPT_PREFIXES and name not in KEPT_NAMES and not set(others) & set(Environment)
    )


def names(limit: int) -> st.SearchStrategy[str]:
    """Names of the spec's grammar, often as long as `limit` allows."""
    short = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4}){0,2}", fullmatch=True).filter(lambda n: len(n) <= limit)
    return short | st.from_regex(rf"[a-z][a-z0-9]{{{limit - 1}}}", fullmatch=True)


def _may_be_a_part(name: str) -> bool:
    """Nothing that clashes with a name of the factory's own; `problems_of` tells those."""
    return name not in KEPT_PARTS and not name.endswith((*ENDINGS, "-url")) and name.upper() not in KEPT_VARIABLES


PARTS = names(PART_NAME_LENGTH)
APPS = names(APP_NAME_LENGTH).filter(_may_be_an_app)
CIDRS = st.builds("10.{}.0.0/{}".format, st.integers(0, 255), st.integers(16, 20))
# What a command of an agent may reach, as one entry of its list.
EGRESS = st.builds(
    "{}{}.example.com{}".format,
    st.sampled_from(["", "*.", "a."]),
    st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,4})?", fullmatch=True),
    st.just("") | st.integers(1, 65535).filter(lambda port: port != 443).map(":{}".format),
)


# Public keys of hosts, whose private ones nobody has kept.
HOST_KEYS = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFam33xsP8UGmAgh9oyDMeXD9dNcvHyCk/01KiR8QpME",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGM5+98WwZM9nY+x6d5pM7UJg/rZvznbi+hmViVVErLB legacy",
)


@st.composite
def hosts(draw: st.DrawFn, environments: list[Environment]) -> dict[str, Any]:
    """A machine that is reached by SSH."""
    return {
        "address": draw(st.sampled_from(["legacy.example.com", "192.0.2.7", "2001:db8::7"])),
        "user": draw(st.sampled_from(["deploy", "_app", "web-1"])),
        "hostKeys": draw(st.lists(st.sampled_from(HOST_KEYS), unique=True, min_size=1)),
        "environments": draw(st.lists(st.sampled_from(environments), unique=True, min_size=1)),
        **draw(st.sampled_from([{}, {"port": 2222}])),
    }


def tools(function: Function) -> st.SearchStrategy[dict[str, list[str]]]:
    """What a file may say of a function's tools."""
    needed = [tool.value for tool in FUNCTION_TOOLS[function] if tool in NEEDED_TOOLS[function]]
    spare = [tool.value for tool in FUNCTION_TOOLS[function] if tool not in NEEDED_TOOLS[function]]
    some = st.lists(st.sampled_from(spare), unique=True) if spare else st.just([])
    return st.just({}) | some.map(lambda more: {"tools": [*more, *needed]})


@st.composite
def limited(draw: st.DrawFn, function: Function) -> dict[str, list[str]]:
    """What a file may say of a function's tools, and of what its commands may reach where it runs any."""
    said = draw(tools(function))
    if "run" not in said.get("tools", FUNCTION_TOOLS[function]):
        return said
    return {**said, "egress": draw(st.lists(EGRESS, unique=True, max_size=3))}


@st.composite
def rules(
    draw: st.DrawFn,
    agents: list[Function],
    resources: st.SearchStrategy[str],
    environments: list[Environment],
    declared: dict[str, Any],
) -> list[dict[str, Any]]:
    """An access rule of such an app, at times with one for more on stricter terms.

    Empty where the drawn resource stands in none of the app's environments.
    """
    resource = draw(resources)
    if not (possible := [each for each in environments if each in stands_in(declared, resource)]):
        return []
    where = draw(st.lists(st.sampled_from(possible), unique=True, min_size=1))
    allowed = frozenset.intersection(*(approvers(environment) for environment in where))
    production = Environment.PRODUCTION in where
    approval = draw(st.sampled_from([*([] if production else [None]), *sorted(allowed)]))
    scopes = [Scope.READ, Scope.WRITE] if production else list(Scope)
    rule = {
        "function": draw(st.sampled_from(agents)),
        "resource": resource,
        "environments": where,
        "scope": draw(st.sampled_from(scopes)),
        "lease": draw(st.integers(1, min(LEASE_MINUTES[environment] for environment in where))),
        **({"approval": approval} if approval else {}),
    }
    wider = scopes[scopes.index(rule["scope"]) + 1 :]
    if not wider or rule["lease"] == 1 or draw(st.booleans()):
        return [rule]
    asked = {} if approval else {"approval": draw(st.sampled_from(sorted(allowed)))}
    more = {**rule, "scope": wider[0], "lease": draw(st.integers(1, rule["lease"] - 1)), **asked}
    return draw(st.permutations([rule, more]))


def apart(drawn: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Drawn rules without those about what others are about already."""
    kept: list[dict[str, Any]] = []
    for some in drawn:
        if not any(_about_the_same(rule, other) for rule in some for other in kept):
            kept += some
    return kept


def _about_the_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    same = all(one[key] == other[key] for key in ("function", "resource"))
    return same and not set(one["environments"]).isdisjoint(other["environments"])


@st.composite
def apis(draw: st.DrawFn, secrets: list[str]) -> dict[str, Any]:
    """An API of others, whose credential is one of these secrets."""
    return {
        "url": draw(
            st.sampled_from(["https://api.example.com", "https://a.b.example.com:8443/v1/", "https://x.example/a"])
        ),
        "secret": draw(st.sampled_from(secrets)),
        **draw(st.sampled_from([{}, {"header": "X-Api-Key", "format": "{secret}"}])),
        **draw(st.sampled_from([{}, {"environments": ["build"]}, {"environments": ["production", "staging"]}])),
    }


@st.composite
def specs(draw: st.DrawFn) -> AppSpec:
    """Any spec that an app.yaml can declare."""
    service, *others = draw(st.lists(PARTS.filter(_may_be_a_part), unique=True, min_size=1, max_size=5))
    kinds = [draw(st.sampled_from(["workers", "databases", "queues"])) for _ in others]
    more = {kind: {n: {} for n, k in zip(others, kinds, strict=True) if k == kind} for kind in set(kinds)}
    secrets = draw(st.lists(PARTS.filter(_may_be_a_part), unique=True, max_size=3))
    agents = draw(st.lists(st.sampled_from(Function), unique=True, min_size=1))
    environments = draw(st.lists(st.sampled_from(Environment), unique=True, min_size=1))
    some = st.lists(st.sampled_from(secrets), unique=True) if secrets else st.just([])
    outside = {"apis": {f"outside-{n}": draw(apis(secrets)) for n in range(draw(st.integers(0, 2)))} if secrets else {}}
    outside["hosts"] = {name: draw(hosts(environments)) for name in draw(st.lists(PARTS, unique=True, max_size=2))}
    declared = {"services": {service: {}}, "secrets": {name: {} for name in secrets}, **more, **outside}
    resources = st.sampled_from(named_resources(declared))
    return AppSpec.model_validate(
        {
            "apiVersion": "millwright/v2",
            "name": draw(APPS),
            "owner": draw(PARTS),
            "region": draw(st.sampled_from(["eu-central-1", "us-gov-west-1", "ap-southeast-2"])),
            "network": {"cidr": draw(CIDRS)},
            **more,
            **outside,
            "services": {
                service: {
                    "port": draw(st.integers(1024, 65535)),
                    "replicas": draw(st.integers(1, 20)),
                    "domain": draw(st.sampled_from([None, "links.example.com"])),
                }
            },
            "secrets": {name: draw(st.sampled_from([{}, {"rotation": 90}])) for name in secrets},
            "agents": {function: {"secrets": draw(some), **draw(limited(function))} for function in agents},
            "access": draw(st.lists(rules(agents, resources, environments, declared), max_size=4).map(apart)),
            "environments": {environment: {} for environment in environments},
        }
    )
