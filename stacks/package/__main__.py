"""What the engine starts: `python -m stacks.package ROOT [ENGINE_ADDRESS ...]`."""

import sys
from importlib.metadata import version

from pulumi import ResourceOptions
from pulumi.errors import InputPropertiesError
from pulumi.output import Inputs
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from stacks.package.app_factory import AppFactory
from stacks.package.inputs import factory_at
from stacks.package.parts import PARTS


class Package(ComponentProvider):
    """As `component_provider_host` would serve it, but a wrong input is told as such, not as a crash with its stack."""

    def construct(
        self, name: str, resource_type: str, inputs: Inputs, options: ResourceOptions | None = None
    ) -> ConstructResult:
        """Declare a component. Raises InputPropertiesError for what its caller has to mend."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, InputPropertiesError):
                raise error.inner from None
            raise


if __name__ == "__main__":
    # The SDK reads the rest of the command line by itself, whatever it is given.
    factory_at(sys.argv.pop(1))
    main(Package([AppFactory, *PARTS], "millwright", version=version("millwright")), sys.argv[1:])
