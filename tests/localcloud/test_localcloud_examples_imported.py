"""What a program in the style of Pulumi's public examples made, the same program can import; names are given then."""

import re
from collections.abc import Callable

import pulumi
import pytest
from localcloud_automation import MakeStack, counts
from pulumi.automation import Stack
from pulumi.automation.events import EngineEvent
from test_localcloud_examples import each_example, static_website

from localcloud.records import RECORDS

# The SDK's deprecated classes warn on import; see `make_stack` for the rest.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def importing(program: Callable[[], None], stack: Stack) -> Callable[[], None]:
    """The same program, which finds what is there already: what `stack` has made, under the names it has got."""
    there = {
        (each["type"], each["urn"].rsplit("::", 1)[-1]): each
        for each in stack.export_stack().deployment["resources"]
        if each.get("custom") and not each["type"].startswith("pulumi:")
    }

    def take(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        found = there.get((args.type_, args.name), {})
        inputs = found.get("inputs", {})
        # A name that nobody declared is chosen anew each time, as everywhere.
        chosen = {snake(name): inputs[name] for name in inputs.get("__defaults", ()) if name in NAMES}
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(import_=found.get("id")))
        return pulumi.ResourceTransformationResult({**args.props, **chosen}, opts)

    def run() -> None:
        pulumi.runtime.register_stack_transformation(take)
        program()

    return run


# What no cloud tells of a thing, so that the program's word for it is a change: an object's file, a function's code,
# how long a secret that is deleted can be had back.
NOT_TOLD_BACK = {"source", "code", "recoveryWindowInDays"}


def snake(name: str) -> str:
    return re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", name)


NAMES = {record.name.prop for record in RECORDS.values() if record.name}


@pytest.mark.long
@each_example(short=static_website)
def test_what_an_example_made_can_be_imported_by_the_same_program(
    make_stack: MakeStack, program: Callable[[], None], output: str
) -> None:
    first = make_stack(program)
    made = counts(first.up())["create"]
    second = make_stack(importing(program, first), name="other")
    changed: set[str] = set()

    def take(event: EngineEvent) -> None:
        if event.resource_pre_event and event.resource_pre_event.metadata.op == "update":
            changed.update(event.resource_pre_event.metadata.diffs or ())

    up = second.up(on_event=take)
    # All but the stack, its provider and components, which are in no cloud.
    assert counts(up).keys() <= {"import", "create", "update"}
    assert counts(up)["import"] > made / 2
    assert changed <= NOT_TOLD_BACK
    assert up.outputs[output].value
    assert set(counts(second.preview())) == {"same"}
    second.destroy()
    assert set(counts(first.refresh())) <= {"delete", "same"}
