"""What the engine is told about a resource: outputs, previews and refreshed inputs."""

from collections.abc import Mapping
from typing import Any

from localcloud.provider.compare import same
from localcloud.provider.values import UNKNOWN, Secret, has_secret, hide, plain, rebuild, secret_texts
from localcloud.records.record import Prop, Record, View

Json = Any


def outputs(record: Record, inputs: Mapping[str, Json], view: View, region: str) -> dict[str, Json]:
    """The resource's properties: as declared where the cloud agrees, as the cloud has them elsewhere."""
    result: dict[str, Json] = {}
    for name, prop in record.properties.items():
        value = _output(prop, inputs.get(name), view.get(name))
        if value is not None and name not in {"tags", "region"}:
            result[name] = value
    texts = secret_texts(dict(inputs))
    for name in record.outputs:
        if view.get(name) is not None:
            result[name] = hide(view[name], texts)
    if record.tagged:
        result |= _tag_outputs(inputs, view)
    if record.regional:
        result["region"] = region
    return result


def _output(prop: Prop, declared: Json, actual: Json) -> Json:
    if not prop.told:
        return declared
    if declared is None and (prop.if_declared or (not prop.cloud_decides and actual in (None, "", [], {}))):
        return None
    value = declared if declared is not None and same(prop, declared, actual) else actual
    return _guarded(prop, declared, value)


def _guarded(prop: Prop, declared: Json, value: Json) -> Json:
    if value is None or isinstance(value, Secret):
        return value
    if prop.secret or (has_secret(declared) and not has_secret(value)):
        return Secret(value)
    return value


def _tag_outputs(inputs: Mapping[str, Json], view: View) -> dict[str, Json]:
    everything = _kept_leaves(inputs.get("tagsAll"), view.get("tagsAll") or {})
    own = inputs.get("tags")
    result = {"tagsAll": everything}
    if own is not None:
        result["tags"] = own
    return result


def _kept_leaves(declared: Json, actual: Mapping[str, Json]) -> Json:
    """`actual` with secret marks where the declaration has them."""
    if isinstance(declared, Secret):
        return Secret(dict(actual))
    known = declared if isinstance(declared, Mapping) else {}
    return {key: Secret(value) if isinstance(known.get(key), Secret) else value for key, value in actual.items()}


def preview_of_create(record: Record, inputs: Mapping[str, Json], region: str) -> dict[str, Json]:
    """What is known before the resource exists: what is declared; all that the cloud decides is unknown."""
    result = {name: value for name, value in inputs.items() if not name.startswith("__")}
    for name, prop in record.properties.items():
        if prop.cloud_decides and not prop.if_declared and result.get(name) is None:
            result[name] = UNKNOWN
    result |= dict.fromkeys(record.outputs, UNKNOWN)
    if record.regional and inputs.get("region") is None:
        result["region"] = region
    return result


def preview_of_update(
    record: Record, olds: Mapping[str, Json], old_inputs: Mapping[str, Json], inputs: Mapping[str, Json]
) -> dict[str, Json]:
    """What is known before an update in place: outputs stay, except those that the update may recompute."""
    stays = {
        name: value
        for name, value in olds.items()
        if name not in record.properties or record.properties[name].cloud_decides
    }
    declared = {name: value for name, value in inputs.items() if not name.startswith("__")}
    changed = any(not same(prop, inputs.get(n), old_inputs.get(n)) for n, prop in record.properties.items())
    return stays | declared | (dict.fromkeys(record.recomputed, UNKNOWN) if changed else {})


def refreshed(record: Record, inputs: Mapping[str, Json], view: View) -> dict[str, Json]:
    """The inputs as the cloud now fulfils them: what agrees stays as declared, edits made elsewhere show as changes."""
    result = dict(inputs)
    for name, prop in record.properties.items():
        if not prop.told or name in {"tags", "region"} or same(prop, inputs.get(name), view.get(name)):
            continue
        value = _guarded(prop, inputs.get(name), view.get(name))
        if value is None:
            result.pop(name, None)
        else:
            result[name] = value
    if record.tagged:
        result |= _refreshed_tags(inputs, view.get("tagsAll") or {})
    return result


def _refreshed_tags(inputs: Mapping[str, Json], actual: Mapping[str, Json]) -> dict[str, Json]:
    before, own = plain(inputs.get("tagsAll") or {}), plain(inputs.get("tags") or {})
    if before == actual:
        return {}
    by_default = {key: value for key, value in before.items() if key not in own}
    mine = {key: value for key, value in actual.items() if key in own or by_default.get(key) != value}
    return {"tagsAll": _kept_leaves(inputs.get("tagsAll"), actual), "tags": _kept_leaves(inputs.get("tags"), mine)}


def imported(record: Record, view: View, default_tags: Mapping[str, Json]) -> dict[str, Json]:
    """Inputs for a resource that exists but was never declared: everything the cloud knows, defaults elsewhere."""
    result: dict[str, Json] = {}
    for name, prop in record.properties.items():
        value = _guarded(prop, None, view.get(name)) if prop.told else prop.default
        if value not in (None, "", [], {}) and name != "region":
            result[name] = rebuild(value, lambda leaf: leaf)
    if record.tagged:
        actual = view.get("tagsAll") or {}
        result["tagsAll"] = dict(actual)
        if own := {key: value for key, value in actual.items() if default_tags.get(key) != value}:
            result["tags"] = own
    return result
