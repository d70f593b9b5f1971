"""The 64 controls as a pack of the stock analyzer (`pulumi_policy`): the peer of `tests.bench.policy`.

Its validators call our very checks, and what they need is converted once for each resource: only the analyzer's
machinery differs. A control with two checks is two policies here, because the SDK has one kind or the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi_policy as stock

from factory.paths import find_root
from policies import CONTROLS, Context, Control, Fail, Finding, Options, Provider, Resource, Stack, context_of
from policies.decode import told
from policies.model import Plain, render
from policies.settings import load_policies

NAME = "stock"


class Policies:
    """The controls as policies. The SDK tells no validator of other resources' inputs: they are remembered here."""

    def __init__(self) -> None:
        self._seen: dict[str, Resource] = {}
        self._whole: Stack | None = None
        self._context = Context()

    def all(self) -> list[stock.Policy]:
        """One or two for each control."""
        return [policy for control in CONTROLS for policy in self._of(control)]

    def _of(self, control: Control) -> Iterator[stock.Policy]:
        level = stock.EnforcementLevel.MANDATORY
        if control.check:
            yield stock.ResourceValidationPolicy(
                control.id, control.why, lambda args, report: self._resource(control, args, report), level
            )
        if control.stack_check:
            name = f"{control.id}-stack" if control.check else control.id
            yield stock.StackValidationPolicy(
                name, control.why, lambda args, report: self._stack(control, args, report), level
            )

    def _resource(self, control: Control, args: stock.ResourceValidationArgs, report: stock.ReportViolation) -> None:
        if not self._seen:
            self._context = _context_here(args.urn)
        resource = self._seen.get(args.urn)
        if resource is None:
            resource = self._seen[args.urn] = _resource(args, plain(args.props))
        if control.check and control.concerns(args.resource_type):
            for finding in control.check(resource, self._context):
                _report(finding, report)

    def _stack(self, control: Control, args: stock.StackValidationArgs, report: stock.ReportViolation) -> None:
        if self._whole is None:
            ordered = self._ordered(args.resources)
            self._whole = Stack(tuple(_with_inputs(each, self._seen.get(each.urn)) for each in ordered))
        if control.stack_check:
            for finding in control.stack_check(self._whole, self._context):
                _report(finding, report)

    def _ordered(self, resources: Sequence[stock.PolicyResource]) -> list[stock.PolicyResource]:
        order = {urn: place for place, urn in enumerate(self._seen)}
        return sorted(resources, key=lambda each: order.get(each.urn, len(order)))


def _context_here(urn: str) -> Context:
    stack, project, *_ = urn.removeprefix("urn:pulumi:").split("::")
    return context_of(stack, project=project, settings=load_policies(find_root(Path.cwd())))


def _report(finding: Finding, report: stock.ReportViolation) -> None:
    # An undecided value is left out: the SDK would say so by an error of its own, at the first one that is touched.
    if isinstance(finding, Fail):
        report(f"{render(finding.path)} {finding.message}", finding.urn or None)


def _with_inputs(each: stock.PolicyResource, before: Resource | None) -> Resource:
    return replace(
        _resource(each, before.properties if before else {}),
        answered=plain(each.props),
        declared=before is not None,
        dependencies=tuple(one.urn for one in each.dependencies),
        property_dependencies={
            name: tuple(one.urn for one in found) for name, found in each.property_dependencies.items()
        },
    )


def _resource(args: "stock.ResourceValidationArgs | stock.PolicyResource", properties: Any) -> Resource:
    opts = args.opts
    return Resource(
        type=args.resource_type,
        urn=args.urn,
        name=args.name,
        parent=opts.parent or "",
        properties=properties,
        options=Options(
            protect=opts.protect,
            ignore_changes=tuple(opts.ignore_changes),
            aliases=tuple(opts.aliases),
            additional_secret_outputs=tuple(opts.additional_secret_outputs),
            delete_before_replace=opts.delete_before_replace,
        ),
        provider=_provider(args.provider),
    )


def _provider(found: stock.PolicyProviderResource | None) -> Provider | None:
    return found and Provider(
        type=found.resource_type, urn=found.urn, name=found.name, properties=_properties(found.props)
    )


def _properties(props: Mapping[str, Any]) -> dict[str, Plain]:
    found = plain(props)
    return found if isinstance(found, dict) else {}


def plain(value: Any) -> Plain:
    """What a proxy of the SDK stands for; it raises where a value is not known, so it is opened."""
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value["__target"].items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(element) for element in value["__target"]]
    if isinstance(value, str):
        return told(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
