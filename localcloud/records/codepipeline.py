"""CodePipeline: pipeline. It is kept, and nothing runs it."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Kind,
    Name,
    Prop,
    Record,
    View,
    integer,
    list_of,
    one,
    set_of,
    tags_from,
    tags_to,
    text,
)

Json = Any
KIND: Final = ("category", "owner", "provider", "version")
NAMED: Final = ("inputArtifacts", "outputArtifacts")
PLAIN: Final = ("namespace", "region", "roleArn", "runOrder", "timeoutInMinutes", "configuration", "commands")


def _pipeline(call: Call) -> dict[str, Json]:
    inputs = call.inputs
    stores = {each.get("region"): _store(each) for each in inputs["artifactStores"]}
    where = {"artifactStore": stores[None]} if list(stores) == [None] else {"artifactStores": stores}
    variables = [
        {key: each[key] for key in ("name", "defaultValue", "description") if each.get(key)}
        for each in inputs.get("variables") or []
    ]
    return {
        "name": inputs["name"],
        "roleArn": inputs["roleArn"],
        "pipelineType": inputs["pipelineType"],
        "executionMode": inputs["executionMode"],
        "stages": [
            {"name": stage["name"], "actions": [_action(each) for each in stage["actions"]]}
            for stage in inputs["stages"]
        ],
        **where,
        **({"variables": variables} if variables else {}),
    }


def _store(declared: Mapping[str, Json]) -> dict[str, Json]:
    key = {"encryptionKey": dict(declared["encryptionKey"])} if declared.get("encryptionKey") else {}
    return {"type": declared["type"], "location": declared["location"], **key}


def _action(declared: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "name": declared["name"],
        "actionTypeId": {part: declared[part] for part in KIND},
        **{name: [{"name": each} for each in declared.get(name) or []] for name in NAMED},
        **{name: declared[name] for name in PLAIN if declared.get(name) is not None},
    }


def create_pipeline(call: Call) -> str:
    """Make a pipeline; its name."""
    tags = tags_to(call.tags, "key", "value")
    call.aws("codepipeline").create_pipeline(pipeline=_pipeline(call), tags=tags)
    return str(call.inputs["name"])


def update_pipeline(call: Call) -> None:
    """Change a pipeline, which gives it a new version, and its tags."""
    pipelines = call.aws("codepipeline")
    if call.changed("artifactStores", "stages", "roleArn", "pipelineType", "executionMode", "variables"):
        pipelines.update_pipeline(pipeline=_pipeline(call))
    added, removed = call.tag_change()
    if removed:
        pipelines.untag_resource(resourceArn=call.state["arn"], tagKeys=removed)
    if added:
        tags = tags_to(added, "key", "value")
        pipelines.tag_resource(resourceArn=call.state["arn"], tags=tags)


def read_pipeline(call: Call) -> View:
    """A pipeline."""
    client = call.aws("codepipeline")
    found = client.get_pipeline(name=call.id)
    pipeline, arn = found["pipeline"], found["metadata"]["pipelineArn"]
    one_store, stores = pipeline.get("artifactStore"), pipeline.get("artifactStores") or {}
    return {
        "name": pipeline["name"],
        "roleArn": pipeline["roleArn"],
        "pipelineType": pipeline.get("pipelineType", "V1"),
        "executionMode": pipeline.get("executionMode", "SUPERSEDED"),
        "artifactStores": [one_store] if one_store else [{**store, "region": name} for name, store in stores.items()],
        "stages": [
            {"name": stage["name"], "actions": [_action_declared(each) for each in stage["actions"]]}
            for stage in pipeline["stages"]
        ],
        "variables": pipeline.get("variables") or [],
        "arn": arn,
        "tagsAll": tags_from(client.list_tags_for_resource(resourceArn=arn).get("tags"), "key", "value"),
    }


def _action_declared(told: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "name": told["name"],
        **told["actionTypeId"],
        **{name: [each["name"] for each in told.get(name) or []] for name in NAMED},
        **{name: told[name] for name in PLAIN if told.get(name) not in (None, {})},
    }


def delete_pipeline(call: Call) -> None:
    """Remove a pipeline."""
    call.aws("codepipeline").delete_pipeline(name=call.id)


def check_pipeline(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Several artifact stores are told apart by their regions, as on AWS."""
    stores = inputs.get("artifactStores") or []
    if isinstance(stores, list) and len(stores) > 1 and not all(each.get("region") for each in stores):
        return [("artifactStores", "give each artifact store its region when there are several")]
    return []


ACTION: Final[Mapping[str, Prop]] = {
    **{part: text(required=True) for part in KIND},
    "name": text(required=True),
    "configuration": Prop(kind=Kind.MAP),
    "commands": Prop(kind=Kind.LIST, items=text()),
    # Their order is that of the action's own inputs.
    "inputArtifacts": Prop(kind=Kind.LIST, items=text()),
    "outputArtifacts": Prop(kind=Kind.LIST, items=text()),
    "namespace": text(),
    "region": text(),
    "roleArn": text(),
    "runOrder": integer(default=1),
    "timeoutInMinutes": integer(),
}
RECORDS = (
    Record(
        type="aws:codepipeline/pipeline:Pipeline",
        service="codepipeline",
        properties={
            "name": text(replaces=True),
            "roleArn": text(required=True),
            "pipelineType": text(default="V1", one_of=("V1", "V2")),
            "executionMode": text(default="SUPERSEDED", one_of=("SUPERSEDED", "QUEUED", "PARALLEL")),
            "artifactStores": set_of(
                {
                    "location": text(required=True),
                    "type": text(required=True, one_of=("S3",)),
                    "region": text(),
                    "encryptionKey": one({"id": text(required=True), "type": text(required=True, one_of=("KMS",))}),
                },
                required=True,
            ),
            "stages": list_of({"name": text(required=True), "actions": list_of(ACTION, required=True)}, required=True),
            "variables": list_of({"name": text(required=True), "defaultValue": text(), "description": text()}),
            **TAGS,
            **REGION,
        },
        name=Name(limit=100, allowed=r"A-Za-z0-9.@_\-"),
        create=create_pipeline,
        read=read_pipeline,
        update=update_pipeline,
        delete=delete_pipeline,
        gone=("PipelineNotFoundException", "ResourceNotFoundException"),
        check=check_pipeline,
        refused={"triggers": "nothing runs a pipeline here, and nothing starts one"},
    ),
)
