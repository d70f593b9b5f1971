"""Pulumi component resources: what an app's factory is made of, one set of interfaces, one folder per target.

Programs (stacks.program, an app's infra.py) build `AppFactory` and `Platform`; only the folder of a target knows its
cloud's words.
"""

from components.app_factory import CONTENTS, AppFactory, AppFactoryArgs
from components.shared_platform import Platform, PlatformArgs

__all__ = ["CONTENTS", "AppFactory", "AppFactoryArgs", "Platform", "PlatformArgs"]
