"""policies.yaml: what a factory's policies take for its own."""

from pathlib import Path

import pytest

from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.settings import LOCAL_ACCOUNT
from policies import Context, PolicySettings, context_of, load_policies
from policies.settings import REQUIRED_TAGS, settings_file, template

WHOLE = """\
accounts: ["210987654321"]
trusted_accounts: ["111122223333"]
registries: [ghcr.io/acme, "localhost:5000", registry.example]
repositories: [acme/links]
gcp_projects: [acme-links-build]
egress: [api.example.com, "*.example.org", 203.0.113.0/24, "2001:db8::/32"]
required_tags: [app, data-class]
rules: [rules/queues.py, rule.py]
"""


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    (tmp_path / "millwright.yaml").write_text("aws: local\n")
    return FactoryRoot(tmp_path)


def test_without_a_file_nothing_is_listed_but_the_factorys_own_account(root: FactoryRoot) -> None:
    found = load_policies(root)
    assert found == PolicySettings(accounts=(LOCAL_ACCOUNT,))
    assert (found.egress, found.required_tags) == ((), REQUIRED_TAGS)


def test_every_key_is_read_and_a_real_account_is_the_factorys_own(root: FactoryRoot) -> None:
    settings_file(root).write_text(WHOLE)
    root.settings_file.write_text("aws: account\naws_account: '999988887777'\n")
    found = load_policies(root)
    assert found.accounts == ("999988887777", "210987654321")
    assert found.egress[3] == "2001:db8::/32"
    assert found.model_dump().keys() == {line.split(":")[0] for line in WHOLE.splitlines()}


def test_what_init_writes_says_the_defaults_and_every_key(root: FactoryRoot) -> None:
    settings_file(root).write_text(template())
    assert load_policies(root) == PolicySettings(accounts=(LOCAL_ACCOUNT,))
    assert [line.split(":")[0] for line in template().splitlines() if line[:1].isalpha()] == list(
        PolicySettings.model_fields
    )


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("acounts: []\n", "policies.yaml:1:1", "did you mean 'accounts'?"),
        ("egress: []\naccounts:\n  - 12\n", "policies.yaml:3:5", "quotes"),
        ("accounts: [123]\n", "policies.yaml:1:12", ""),
        ("accounts: '123456789012'\n", "policies.yaml:1:11", ""),
        ("repositories: ['acme/*']\n", "policies.yaml:1:16", ""),
        ("registries: ['*']\n", "policies.yaml:1:14", ""),
        ("egress: ['*']\n", "policies.yaml:1:10", ""),
        ("gcp_projects: [A]\n", "policies.yaml:1:16", ""),
        ("required_tags: ['']\n", "policies.yaml:1:17", ""),
    ],
)
def test_every_mistake_is_told_with_its_place(text: str, place: str, said: str, root: FactoryRoot) -> None:
    settings_file(root).write_text(text)
    with pytest.raises(InputError) as refused:
        load_policies(root)
    assert place in refused.value.rendered()
    assert said in refused.value.rendered()


@pytest.mark.parametrize(
    ("stack", "app", "environment"),
    [
        ("links-build", "links", "build"),
        ("my-shop-production", "my-shop", "production"),
        ("platform", "platform", ""),
        ("links-pr", "", ""),
        ("build", "", ""),
        ("-build", "", ""),
        ("", "", ""),
    ],
)
def test_app_and_environment_follow_from_the_stacks_name(stack: str, app: str, environment: str) -> None:
    found = context_of(stack)
    assert isinstance(found, Context)
    assert (found.stack, found.app, found.environment) == (stack, app, environment)


def test_outside_of_any_factory_it_is_enough_that_an_account_is_named_and_in_one_it_must_be_listed() -> None:
    nowhere = PolicySettings()
    assert nowhere.may_be_own("111122223333")
    assert nowhere.may_be_source("111122223333")
    assert nowhere.may_be_own_project("acme-links")
    factory = PolicySettings(
        accounts=("210987654321",), trusted_accounts=("333344445555",), gcp_projects=("acme-links",)
    )
    assert [factory.may_be_own(each) for each in ("210987654321", "333344445555", "111122223333")] == [
        True,
        False,
        False,
    ]
    assert [factory.may_be_source(each) for each in ("210987654321", "333344445555", "111122223333")] == [
        True,
        True,
        False,
    ]
    assert [factory.may_be_own_project(each) for each in ("acme-links", "another-one")] == [True, False]
