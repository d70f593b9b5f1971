"""`aws.iam.get_policy_document`: statements, merged with source and override documents, as one JSON document.

Merging follows the AWS provider's data source: source documents first, then the statements, then override documents;
a statement whose sid is already there replaces it in its place, others are appended. One value stands alone, several
stand as a list in reverse order of their text (sorted descending for principals and actions), as that source writes.
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from factory.errors import InputError
from localcloud.invokes.call import InvokeCall

Json = Any
VERSION = "2012-10-17"
VERSIONS = ("2008-10-17", VERSION)


def get_policy_document(call: InvokeCall) -> dict[str, Json]:
    """The document for the given statements and documents. Raises InputError for a wrong document or double sid."""
    arguments = call.arguments
    version = arguments.get("version") or VERSION
    if version not in VERSIONS:
        raise InputError(f"a policy document's version is one of {', '.join(VERSIONS)}, not {version}")
    document: dict[str, Json] = {"Version": version, "Statement": []}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    sources = _documents(arguments, "sourceJson", "sourcePolicyDocuments")
    _refuse_double([statement for source in sources for statement in _statements(source)])
    for source in sources:
        _merge(document, source)
    own = [_statement(item, version) for item in arguments.get("statements") or []]
    _refuse_double(own)
    _merge(document, {"Statement": own})
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    if arguments.get("version"):
        document["Version"] = version
    for override in _documents(arguments, "overrideJson", "overridePolicyDocuments"):
        _merge(document, override)
    ordered = {key: document[key] for key in ("Version", "Id", "Statement") if document.get(key)}
    minified = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)
    result = dict(arguments) | {
        "version": document["Version"],
        "json": json.dumps(ordered, indent=2, ensure_ascii=False),
    }
    # The id only has to change with the document.
    return result | {"minifiedJson": minified, "id": str(zlib.crc32(minified.encode()))}


def _documents(arguments: Mapping[str, Json], single: str, several: str) -> list[Mapping[str, Json]]:
    texts = [arguments[single]] if arguments.get(single) else []
    texts += arguments.get(several) or []
    found: list[Mapping[str, Json]] = []
    for text in texts:
        if not text:
            continue
        try:
            document = json.loads(text)
        except ValueError as error:
            raise InputError(f"{several}: a document is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise InputError(f"{several}: a policy document is a JSON object")
        found.append(document)
    return found


def _merge(document: dict[str, Json], other: Mapping[str, Json]) -> None:
    for key in ("Version", "Id"):
        if other.get(key):
            document[key] = other[key]
    for statement in _statements(other):
        sid = statement.get("Sid")
        place = next((i for i, there in enumerate(document["Statement"]) if sid and there.get("Sid") == sid), None)
        if place is None:
            document["Statement"].append(statement)
        else:
            document["Statement"][place] = statement


def _statements(document: Mapping[str, Json]) -> list[dict[str, Json]]:
    statements = document.get("Statement") or []
    return statements if isinstance(statements, list) else [statements]


def _refuse_double(statements: list[dict[str, Json]]) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if double := sorted({sid for sid in sids if sids.count(sid) > 1}):
        raise InputError(f"duplicate sid in the statements: {', '.join(double)}")


def _statement(given: Mapping[str, Json], version: str) -> dict[str, Json]:
    """One statement in the API's words, keys in the data source's order."""
    statement: dict[str, Json] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect") or "Allow"
    for name, key in (
        ("actions", "Action"),
        ("notActions", "NotAction"),
        ("resources", "Resource"),
        ("notResources", "NotResource"),
    ):
        if values := given.get(name):
            variables = "esources" in name
            statement[key] = _one_or_many([_with_variables(v, version) if variables else v for v in values])
    for name, key in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if values := given.get(name):
            statement[key] = _principals(values, version)
    if conditions := given.get("conditions"):
        statement["Condition"] = _conditions(conditions, version)
    return statement


def _one_or_many(values: list[str]) -> Json:
    unique = sorted(set(values), reverse=True)
    return unique[0] if len(unique) == 1 else unique


def _with_variables(value: str, version: str) -> str:
    """`&{aws:username}` stands for `${aws:username}`, which other tools would expand themselves."""
    if "&{" not in value:
        return value
    if version == VERSIONS[0]:
        raise InputError(f"policy variables such as {value} need version {VERSION}")
    return value.replace("&{", "${")


def _principals(given: list[Mapping[str, Json]], version: str) -> Json:
    merged: dict[str, list[str]] = {}
    for principal in given:
        identifiers = [_with_variables(item, version) for item in principal["identifiers"]]
        merged.setdefault(principal["type"], []).extend(identifiers)
    # AWS tells "*" from {"AWS": "*"}: the former also stands for callers that no account knows.
    if merged == {"*": ["*"]}:
        return "*"
    return {kind: _one_or_many(merged[kind]) for kind in sorted(merged)}


def _conditions(given: list[Mapping[str, Json]], version: str) -> dict[str, dict[str, Json]]:
    merged: dict[str, dict[str, list[str]]] = {}
    for condition in given:
        values = [_with_variables(str(value), version) for value in condition["values"]]
        merged.setdefault(condition["test"], {}).setdefault(condition["variable"], []).extend(values)
    return {
        test: {variable: values[0] if len(values) == 1 else values for variable, values in sorted(variables.items())}
        for test, variables in sorted(merged.items())
    }
