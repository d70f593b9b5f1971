"""Between the analyzer protocol's messages and the pack's own records."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pulumi.runtime.proto import analyzer_pb2 as pb

from policies.decode import Decoded, decode
from policies.evaluation import Verdict
from policies.model import DEFERRED, PACK_NAME, Control, Enforcement, Fail, Severity
from policies.resources import Options, Provider, Resource, Stack

if TYPE_CHECKING:
    from factory.exceptions import Accepted

# The engine takes the version of PulumiPolicy.yaml; the protocol wants one here too.
VERSION: Final = "0.1.0"
LEVELS: Final = {Enforcement.ADVISORY: pb.ADVISORY, Enforcement.MANDATORY: pb.MANDATORY}
SEVERITIES: Final = {
    Severity.LOW: pb.POLICY_SEVERITY_LOW,
    Severity.MEDIUM: pb.POLICY_SEVERITY_MEDIUM,
    Severity.HIGH: pb.POLICY_SEVERITY_HIGH,
    Severity.CRITICAL: pb.POLICY_SEVERITY_CRITICAL,
}


def declared(request: pb.AnalyzeRequest) -> Resource:
    """The one resource that the engine asks about, with its inputs. Raises ValueError when it cannot be read."""
    return _resource(request, decode(request.properties))


def whole(request: pb.AnalyzeStackRequest, seen: dict[str, Resource]) -> Stack:
    """The stack that the engine asks about; `seen` are the resources it asked about before, with their inputs.

    Raises ValueError when a resource cannot be read.
    """
    resources = {message.urn: _with_inputs(message, seen.get(message.urn)) for message in request.resources}
    # The engine hands them over in no order; what was registered comes in the order of registration.
    order = [urn for urn in seen if urn in resources] + [urn for urn in resources if urn not in seen]
    return Stack(tuple(resources[urn] for urn in order))


def _with_inputs(message: pb.AnalyzerResource, before: Resource | None) -> Resource:
    answered = decode(message.properties)
    inputs = Decoded() if before is None else Decoded(before.properties, set(before.secrets))
    return replace(
        _resource(message, inputs),
        answered=answered.properties,
        declared=before is not None,
        dependencies=tuple(message.dependencies),
        property_dependencies={name: tuple(found.urns) for name, found in message.propertyDependencies.items()},
    )


def _resource(message: pb.AnalyzeRequest | pb.AnalyzerResource, decoded: Decoded) -> Resource:
    options = message.options
    return Resource(
        type=message.type,
        urn=message.urn,
        name=message.name,
        parent=options.parent,
        properties=decoded.properties,
        secrets=frozenset(decoded.secrets),
        options=Options(
            protect=options.protect,
            ignore_changes=tuple(options.ignoreChanges),
            aliases=tuple(options.aliases),
            additional_secret_outputs=tuple(options.additionalSecretOutputs),
            delete_before_replace=options.deleteBeforeReplace if options.deleteBeforeReplaceDefined else None,
        ),
        provider=_provider(message.provider) if message.HasField("provider") else None,
    )


def _provider(message: pb.AnalyzerProviderResource) -> Provider:
    properties = decode(message.properties).properties
    return Provider(type=message.type, urn=message.urn, name=message.name, properties=properties)


def policy_info(control: Control) -> pb.PolicyInfo:
    """One control as one policy of the engine's, so that violations and summaries carry its name."""
    kind = pb.POLICY_TYPE_RESOURCE if control.stack_check is None else pb.POLICY_TYPE_STACK
    return pb.PolicyInfo(
        name=control.id,
        displayName=f"{control.number}. {control.title}",
        description=control.why,
        enforcementLevel=LEVELS[control.enforcement.strictest],
        severity=SEVERITIES[control.severity],
        # One that asks both ways is counted both ways, which the engine does for a type it does not know.
        policy_type=pb.POLICY_TYPE_UNKNOWN if control.check and control.stack_check else kind,
        remediation_steps=control.fix,
        tags=list(control.references),
    )


def not_applicable(controls: Iterable[Control], resource_type: str) -> list[pb.PolicyNotApplicable]:
    """The controls that do not look at a resource of this type by itself."""
    return [
        pb.PolicyNotApplicable(policy_name=control.id, reason=f"does not read {resource_type}")
        for control in controls
        if control.check is None or not control.concerns(resource_type)
    ]


def diagnostic(
    verdict: Verdict, *, environment: str, preview: bool, urn: str, accepted: "Accepted | None" = None
) -> pb.AnalyzeDiagnostic:
    """A verdict as the engine shows it: what cannot be decided yet is advice in a preview, and stops an update.

    A failure that a person `accepted` is advice as well, and says who, until when.
    """
    control, finding = verdict.control, verdict.finding
    rule = f"{control.id} (control {control.number})"
    place = f"{verdict.place} " if verdict.place else ""
    level = LEVELS[control.enforcement.at(environment)]
    if isinstance(finding, Fail):
        found = f" (found {verdict.shown})" if verdict.shown else ""
        message = f"{rule}: {place}{finding.message}{found}. Fix: {control.fix}."
        if accepted is not None:
            level, message = pb.ADVISORY, f"{accepted}: {message}"
    elif preview:
        level = pb.ADVISORY
        message = f"{DEFERRED}{rule}: {place}is not known in a preview; the update decides."
    else:
        message = f"undecided: {rule}: {place}is not known, and an update does not go on without a verdict."
    return pb.AnalyzeDiagnostic(
        policyName=control.id,
        policyPackName=PACK_NAME,
        policyPackVersion=VERSION,
        description=control.title,
        message=message,
        urn=finding.urn or urn,
        enforcementLevel=level,
        severity=SEVERITIES[control.severity],
    )
