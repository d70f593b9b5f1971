"""One proof of the factory one stands in: reads its stacks' states and its cloud, and proves."""

from collections.abc import Callable, Sequence
from typing import Any

from factory.cloud_clients import client
from factory.errors import CloudUnavailable, InputError
from factory.located import nearest
from factory.paths import FactoryRoot
from factory.settings import LOCAL_ACCOUNT, Settings
from factory.spec import app_names, load_app
from stacks.isolation.findings import Proof
from stacks.isolation.proof import prove
from stacks.isolation.reading import read_cloud
from stacks.isolation.records import Cloud, Stack
from stacks.isolation.states import Export, read_stacks


def survey(
    root: FactoryRoot,
    settings: Settings,
    export: Export,
    *,
    apps: Sequence[str] = (),
    report: Callable[[str], None] = lambda _: None,
) -> Proof:
    """Whether the environments that stand are isolated from each other; see `proof.prove`.

    `report` hears what is done next. Raises InputError for an unknown app, UpdateFailed for a state that cannot be
    read, CloudUnavailable when the cloud cannot be reached or is another account.
    """
    _check(root, apps)
    report("the stacks' states")
    stacks = read_stacks(root, settings, export)
    cloud = look(root, settings, stacks, report)
    report("who reaches whom")
    return prove(cloud, stacks, apps)


def look(
    root: FactoryRoot, settings: Settings, stacks: Sequence[Stack], report: Callable[[str], None] = lambda _: None
) -> Cloud:
    """What the cloud holds in every region that an app declares, or in which a stack has something."""

    def clients(service: str, region: str) -> Any:
        return client(root, settings, service, region)

    declared = {load_app(root, app).region for app in app_names(root)}
    standing = {arn.split(":")[3] for stack in stacks for arn in stack.known if arn.startswith("arn:")}
    regions = sorted((declared | standing) - {""})
    if not regions:
        raise InputError("no app is declared here", hint="millwright app init makes one")
    account = _account(clients("sts", regions[0]))
    expected = settings.aws_account or LOCAL_ACCOUNT
    if account != expected:
        raise CloudUnavailable(f"this is the account {account}, and not {expected}", hint="use its credentials")
    return read_cloud(clients, account, regions, report)


def _account(sts: Any) -> str:
    # Imported late, as boto3 is.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(sts.get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise CloudUnavailable(f"the cloud does not say whose it is: {error}", hint="are there credentials?") from None


def _check(root: FactoryRoot, apps: Sequence[str]) -> None:
    known = app_names(root)
    for app in apps:
        if app not in known:
            guess = nearest(app, known)
            hint = f"did you mean {guess!r}?" if guess else ""
            raise InputError(f"no app named {app!r}; known: {', '.join(known) or 'none'}", hint=hint)
