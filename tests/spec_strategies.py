"""A good app.yaml, roots that hold it, and random valid specs: what the tests of several rooms start from."""

from pathlib import Path

from hypothesis import strategies as st

from factory.paths import FactoryRoot
from factory.spec import APP_NAME_LENGTH, KEPT_NAMES, KEPT_PREFIXES, PART_NAME_LENGTH, AppSpec, Environment, Function
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
    return AppSpec.model_validate(
        {
            "apiVersion": "millwright/v2",
            "name": draw(APPS),
            "owner": draw(PARTS),
            "region": draw(st.sampled_from(["eu-central-1", "us-gov-west-1", "ap-southeast-2"])),
            "network": {"cidr": draw(CIDRS)},
            **more,
            "services": {
                service: {
                    "port": draw(st.integers(1024, 65535)),
                    "replicas": draw(st.integers(1, 20)),
                    "domain": draw(st.sampled_from([None, "links.example.com"])),
                }
            },
            "secrets": {name: {} for name in secrets},
            "agents": {
                function: {"secrets": draw(some), "egress": draw(st.lists(EGRESS, unique=True, max_size=3))}
                for function in agents
            },
            "environments": {environment: {} for environment in environments},
        }
    )
