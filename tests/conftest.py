"""For all tests: helpers beside this file can be imported, and hypothesis does not watch a shared machine's clock."""

import hypothesis
import pytest

hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    # The SDK warns about resources that it defines itself, whoever imports it.
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_aws.*")
