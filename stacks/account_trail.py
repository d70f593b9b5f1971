"""On a real account no environment of an app is brought up before the platform's trail records: no audit, no action."""

from typing import NoReturn

from factory.cloud_clients import client
from factory.errors import CloudUnavailable, InputError
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import AppSpec
from stacks.shared_platform import PLATFORM, Spec


def require_trail(root: FactoryRoot, settings: Settings, spec: Spec) -> None:
    """Nothing where the local cloud serves, which records nothing anyway, nor for the platform itself.

    The cloud is asked, not this factory's database: another factory may have brought up the account's platform. Raises
    InputError when there is no such trail or it was stopped, CloudUnavailable when nobody can say.
    """
    if settings.aws == "local" or not isinstance(spec, AppSpec):
        return
    # Imported late, as boto3 is.
    from botocore.exceptions import BotoCoreError, ClientError

    region = settings.platform_region
    # By its ARN: credentials of another account do not find one of the same name.
    trail = f"arn:aws:cloudtrail:{region}:{settings.aws_account}:trail/{PLATFORM}"
    try:
        logging = client(root, settings, "cloudtrail", region).get_trail_status(Name=trail)["IsLogging"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "TrailNotFoundException":
            _refuse(spec, f"the account {settings.aws_account} has no trail {PLATFORM} in {region}")
        raise CloudUnavailable(
            f"the cloud does not say whether {trail} records: {error}", hint="it takes cloudtrail:GetTrailStatus"
        ) from None
    except BotoCoreError as error:
        raise CloudUnavailable(f"the cloud does not say whether {trail} records: {error}") from None
    if not logging:
        _refuse(spec, f"{trail} was stopped")


def _refuse(spec: AppSpec, why: str) -> NoReturn:
    raise InputError(
        f"{why}: nothing would record what happens to {spec.name}",
        hint=f"millwright up {PLATFORM}; platform_region in millwright.yaml says where it is",
    )
