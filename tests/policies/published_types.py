"""Resource types and their properties as the published SDKs have them.

pulumi_aws is installed here. The others are not: what the catalogue may read of them stands in published_types.json,
taken from their wheels: `python -m tests.policies.published_types WHEEL...` writes it.
"""

import ast
import functools
import importlib.util
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

KEPT = Path(__file__).parent / "published_types.json"
# Of Kubernetes and Google Cloud the kinds that controls are about, and everything that grants access.
WANTED = re.compile(
    r"kubernetes:[^:]+:(Pod|PodTemplate|ReplicationController|Deployment|StatefulSet|DaemonSet|ReplicaSet|Job|CronJob"
    r"|Namespace|NetworkPolicy|ResourceQuota|LimitRange|ServiceAccount|(Cluster)?Role(Binding)?|Secret|ConfigMap"
    r"|Release|Chart|ConfigFile|ConfigGroup|Directory|Service|Ingress)(Patch)?"
    r"|gcp:[^:]+:(\w*(IAM|Iam)(Member|Binding|Policy|AuditConfig)|Firewall|Network|Subnetwork|NetworkPeering|Instance"
    r"|InstanceTemplate|Cluster|NodePool|Project|WorkloadIdentityPool|WorkloadIdentityPoolProvider|Key|CryptoKey|Bucket"
    r"|Secret|DatabaseInstance|Budget|Target|Service|Function|DefaultServiceAccounts|RegionNetworkFirewallPolicyRule"
    r"|NetworkFirewallPolicyRule|FirewallPolicyRule)"
    r"|github:.*"
)

TOKEN = re.compile(r'^@pulumi\.type_token\("([^"]+)"\)$', re.MULTILINE)
TAGS = re.compile(r"def tags\(self\) -> pulumi\.Output\[(Optional\[)?Mapping\[str, _builtins\.str\]")


def published(token: str) -> set[str]:
    """The properties of a type by their wire names; empty when no SDK has it."""
    if token.startswith("aws:"):
        return _aws(token)
    if token == "pulumi:providers:aws":
        return set(_provider((_aws_folder() / "provider.py").read_text()))
    return _kept().get(token, set())


def taggable() -> set[str]:
    """Every type of the installed AWS SDK that has tags by key and value."""
    # Not parsed: the SDK is some 1,600 modules.
    texts = (path.read_text() for path in _aws_folder().glob("*/*.py") if not path.name.startswith(("_", "get_")))
    return {token for text in texts for token, body in _classes(text) if TAGS.search(body)}


def _aws_folder() -> Path:
    spec = importlib.util.find_spec("pulumi_aws")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@functools.cache
def _aws(token: str) -> set[str]:
    module = token.split(":")[1].split("/", maxsplit=1)[0]
    for path in (_aws_folder() / ("lambda_" if module == "lambda" else module)).glob("*.py"):
        text = path.read_text()
        if f'type_token("{token}")' in text:
            return {
                name
                for node, found in _resources(text)
                if found == token
                for name in map(_wire_name, _properties(node))
            }
    return set()


def _classes(text: str) -> Iterator[tuple[str, str]]:
    """Token and text of each resource class of a module of the AWS SDK."""
    _, *parts = TOKEN.split(text)
    yield from zip(parts[::2], parts[1::2], strict=True)


def _provider(text: str) -> Iterator[str]:
    """The arguments of a provider: those that are no texts stand only in the class of its arguments."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            yield from map(_wire_name, _properties(node))


@functools.cache
def _kept() -> dict[str, set[str]]:
    return {token: set(names) for token, names in json.loads(KEPT.read_text()).items()}


def _resources(text: str) -> Iterator[tuple[ast.ClassDef, str]]:
    """The resource classes of a module of an SDK, each with its token."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and (tokens := list(_tokens(node))):
            yield node, tokens[0]


def _tokens(node: ast.ClassDef) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
            first = call.args[0] if call.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and ":" in first.value:
                yield first.value


def _properties(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [
        each
        for each in node.body
        if isinstance(each, ast.FunctionDef) and any("property" in ast.unparse(one) for one in each.decorator_list)
    ]


def _wire_name(function: ast.FunctionDef) -> str:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return function.name


def _from_wheels(wheels: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as files:
            for name in files.namelist():
                if name.count("/") == 1 and name.endswith("/provider.py"):
                    provider = f"pulumi:providers:{name.split('/')[0].removeprefix('pulumi_')}"
                    found[provider] = sorted(set(_provider(files.read(name).decode())))
                elif name.endswith(".py") and not name.endswith(("_inputs.py", "outputs.py")):
                    for node, token in _resources(files.read(name).decode()):
                        if WANTED.fullmatch(token):
                            found[token] = sorted(map(_wire_name, _properties(node)))
    return dict(sorted(found.items()))


if __name__ == "__main__":
    lines = (f"{json.dumps(token)}: {json.dumps(names)}" for token, names in _from_wheels(sys.argv[1:]).items())
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
