"""Step Functions: state machine. It is kept, and not run."""

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Record,
    View,
    document,
    flag,
    one,
    tags_from,
    tags_to,
    text,
)


def create_machine(call: Call) -> str:
    """Make a state machine; its ARN."""
    made = call.aws("stepfunctions").create_state_machine(
        name=call.inputs["name"],
        definition=call.inputs["definition"],
        roleArn=call.inputs["roleArn"],
        type=call.inputs["type"],
        tags=tags_to(call.tags, "key", "value"),
    )
    return str(made["stateMachineArn"])


def update_machine(call: Call) -> None:
    """Change definition, role and tags."""
    client = call.aws("stepfunctions")
    if call.changed("definition", "roleArn"):
        client.update_state_machine(
            stateMachineArn=call.id, definition=call.inputs["definition"], roleArn=call.inputs["roleArn"]
        )
    added, removed = call.tag_change()
    if removed:
        client.untag_resource(resourceArn=call.id, tagKeys=removed)
    if added:
        client.tag_resource(resourceArn=call.id, tags=tags_to(added, "key", "value"))


def read_machine(call: Call) -> View:
    """A state machine."""
    client = call.aws("stepfunctions")
    found = client.describe_state_machine(stateMachineArn=call.id)
    return {
        "name": found["name"],
        "definition": found["definition"],
        "roleArn": found["roleArn"],
        "type": found.get("type", "STANDARD"),
        "arn": found["stateMachineArn"],
        "status": found.get("status"),
        "creationDate": found["creationDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tagsAll": tags_from(client.list_tags_for_resource(resourceArn=call.id).get("tags"), "key", "value"),
    }


def delete_machine(call: Call) -> None:
    """Remove a state machine."""
    call.aws("stepfunctions").delete_state_machine(stateMachineArn=call.id)


RECORDS = (
    Record(
        type="aws:sfn/stateMachine:StateMachine",
        service="stepfunctions",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "definition": document(required=True),
            "roleArn": text(required=True),
            "type": text(default="STANDARD", replaces=True, one_of=("STANDARD", "EXPRESS")),
            "publish": flag(default=False, no_effect="the local cloud keeps one version of a state machine"),
            "tracingConfiguration": one({"enabled": flag()}, no_effect="nothing runs a state machine here"),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "creationDate", "status"),
        name=Name(limit=80, allowed=r"A-Za-z0-9_\-"),
        create=create_machine,
        read=read_machine,
        update=update_machine,
        delete=delete_machine,
        gone=("StateMachineDoesNotExist",),
        refused={
            "loggingConfiguration": "nothing runs a state machine here, so nothing is logged",
            "encryptionConfiguration": "the local cloud encrypts no state machine",
        },
    ),
)
