"""What a spec means: names, networks, stacks, and the digests that stand for it and for a source tree."""

import ipaddress
import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spec_strategies import APPS, CIDRS, GOOD, factory_in

from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.spec import AppSpec, Environment, app_names, load_app, source_digest


def _good(**changes: object) -> AppSpec:
    data = {
        "apiVersion": "millwright/v2",
        "name": "links",
        "owner": "web-team",
        "region": "eu-central-1",
        "network": {"cidr": "10.20.0.0/16"},
        "services": {"web": {"port": 8080}},
        "agents": {"coder": {}},
        "environments": {"build": {}},
    }
    return AppSpec.model_validate(data | changes)


@pytest.mark.parametrize("name", ["a1", "links", "link-shortener-2", "a" * 16, "staging", "x-internal", "build-tools"])
def test_app_names_that_fit_are_taken(name: str) -> None:
    assert _good(name=name).stack(Environment.STAGING) == f"{name}-staging"


@pytest.mark.parametrize(
    "name",
    # Wrong grammar, too long, too short for an image repository, kept by a service, kept by us, ambiguous.
    [
        *("", "Links", "1a", "a_b", "a--b", "-a", "a-", "../x", "a/b", "a b", "ä", "a\n", "a" * 17),
        *("a", "internal", "internal-x", "sg-links", "sthree-x", "agent-runner", "a-staging", "a-build-x"),
    ],
)
def test_app_names_that_would_break_later_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="AppSpec\nname\n"):
        _good(name=name)


def test_names_of_parts_may_be_longer_than_names_of_apps() -> None:
    assert _good(owner="a" * 24).owner == "a" * 24
    with pytest.raises(ValueError, match="1 to 24"):
        _good(owner="a" * 25)


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "172.16.0.0/20", "192.168.0.0/16", "10.255.240.0/20"])
def test_private_ranges_are_taken(cidr: str) -> None:
    assert _good(network={"cidr": cidr}).network.cidr == cidr


@pytest.mark.parametrize(
    "cidr",
    [
        *("10.0.0.0/15", "10.0.0.0/21", "10.0.0.1/16", "8.8.0.0/16", "172.15.0.0/16", "127.0.0.0/16"),
        *("169.254.0.0/16", "240.0.0.0/16", "0.0.0.0/16", "10.0.0/16", "10.0.0.0", "fd00::/16", "10.0.0.0/x", ""),
    ],
)
def test_ranges_that_no_vpc_may_have_are_refused(cidr: str) -> None:
    with pytest.raises(ValueError, match=r"network|private range"):
        _good(network={"cidr": cidr})


@given(CIDRS | st.just("192.168.64.0/18"))
def test_environments_have_disjoint_networks_inside_the_apps_own(cidr: str) -> None:
    spec = _good(network={"cidr": cidr})
    networks = [spec.network_of(environment) for environment in Environment]
    whole = ipaddress.IPv4Network(cidr)
    assert all(network.subnet_of(whole) for network in networks)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(networks, 2))


@given(APPS, APPS)
def test_two_apps_never_share_a_stack_and_names_never_run_into_each_other(one: str, other: str) -> None:
    stacks = [_good(name=name).stack(environment) for name in {one, other} for environment in Environment]
    assert len(set(stacks)) == len(stacks)
    assert not any(long.startswith(f"{short}-") for short, long in itertools.permutations(stacks, 2))


def _serving(domain: str) -> AppSpec:
    return _good(services={"web": {"port": 8080, "domain": domain}})


def test_each_environment_serves_at_a_name_of_its_own() -> None:
    service = _serving("links.example.com").services["web"]
    assert [service.domain_in(environment) for environment in Environment] == [
        "build.links.example.com",
        "staging.links.example.com",
        "links.example.com",
    ]
    assert _good().services["web"].domain_in(Environment.PRODUCTION) is None


@pytest.mark.parametrize(
    "domain",
    [
        *("", "links", "Links.example.com", "-a.example.com", "a..com", "*.example.com", "a.b.", "10.0.0.1", "a/b.com"),
        "a" * 45 + ".example.com",
    ],
)
def test_a_domain_that_no_certificate_could_name_is_refused(domain: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        _serving(domain)
    assert _serving("a" * 44 + ".example.com")


def _digest(folder: Path, text: str) -> str:
    return load_app(factory_in(folder, text), "links").digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner: web-team\nregion: eu-central-1\n", "region: eu-central-1\nowner: 'web-team'  # theirs\n"),
        (
            "  coder:\n    secrets: [signing-key]\n  code-reviewer: {}",
            "  code-reviewer: {}\n  coder: {secrets: [signing-key]}",
        ),
        ("  build: {}\n  staging: {}", "  staging: {}\n  build: {}"),
        ("code-reviewer: {}", "code-reviewer: {cpu: 512}"),
    ],
)
def test_comments_spelling_order_and_defaults_leave_the_digest_alone(old: str, new: str, tmp_path: Path) -> None:
    assert old in GOOD
    assert _digest(tmp_path / "one", GOOD) == _digest(tmp_path / "other", GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("replicas: 2", "replicas: 3"),
        ("web-team", "ops-team"),
        ("[signing-key]", "[]"),
        ("  production: {}\n", ""),
        ("  signing-key: {}", "  signing-key: {description: x}"),
    ],
)
def test_another_meaning_is_another_digest(old: str, new: str, tmp_path: Path) -> None:
    assert _digest(tmp_path / "one", GOOD) != _digest(tmp_path / "other", GOOD.replace(old, new))


def test_the_folder_of_an_app_has_its_name(tmp_path: Path) -> None:
    root = factory_in(tmp_path, GOOD, app="other")
    with pytest.raises(InputError) as caught:
        load_app(root, "other")
    (problem,) = caught.value.problems
    assert "app.yaml:2:7: name: differs from the app's folder (found 'links'); allowed: other" in str(problem)


@pytest.mark.parametrize(
    ("name", "hint"), [("link", "'links'"), ("../stray", "app.yaml"), ("", "app.yaml"), (".", "app.yaml")]
)
def test_only_folders_of_apps_are_apps(name: str, hint: str, tmp_path: Path) -> None:
    root = factory_in(tmp_path)
    (tmp_path / "stray").mkdir()
    (tmp_path / "stray" / "app.yaml").write_text(GOOD.replace("links", "stray"))
    assert app_names(root) == ["links"]
    assert load_app(root, "links").name == "links"
    with pytest.raises(InputError, match="no app named") as caught:
        load_app(root, name)
    assert hint in caught.value.hint


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "links").mkdir(parents=True)
    (folder / "links" / "store.py").write_text("x = 1\n")
    (folder / "run.sh").write_text("exit 0\n")
    return folder


CHANGES = {
    "content": lambda folder: (folder / "run.sh").write_text("exit 1\n"),
    "mode": lambda folder: (folder / "run.sh").chmod(0o755),
    "path": lambda folder: (folder / "run.sh").rename(folder / "start.sh"),
    "folder": lambda folder: (folder / "links").rename(folder / "kinks"),
    "one file more, empty": lambda folder: (folder / "empty").touch(),
    "one file less": lambda folder: (folder / "run.sh").unlink(),
}
CACHES = {
    "bytecode": lambda folder: _write(folder / "links" / "__pycache__" / "store.pyc"),
    "hidden": lambda folder: _write(folder / ".pytest_cache" / "state"),
    "installed": lambda folder: _write(folder / "links.egg-info" / "PKG-INFO"),
    "empty folder": lambda folder: (folder / "nothing").mkdir(),
    "others may read it": lambda folder: (folder / "run.sh").chmod(0o600),
}


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("cache")


@pytest.mark.parametrize("change", CHANGES)
def test_another_source_is_another_digest(change: str, source: Path) -> None:
    before = source_digest(source)
    CHANGES[change](source)
    assert source_digest(source) != before


@pytest.mark.parametrize("change", CACHES)
def test_what_is_no_source_leaves_the_digest_alone(change: str, source: Path) -> None:
    before = source_digest(source)
    CACHES[change](source)
    assert source_digest(source) == before == source_digest(Path(shutil.copytree(source, source.parent / "copy")))


@pytest.mark.parametrize(
    ("service", "refused"),
    [
        ("cpu: 256, memory: 2048", ""),
        ("cpu: 4096, memory: 30720", ""),
        ("cpu: 256, memory: 1536", "1536 MiB do not go with 256 CPU units"),
        ("cpu: 1024", "512 MiB do not go with 1024 CPU units"),
        ("cpu: 2048, memory: 30720", "30720 MiB do not go with 2048 CPU units"),
    ],
)
def test_sizes_that_fargate_does_not_offer_are_refused(tmp_path: Path, service: str, refused: str) -> None:
    (tmp_path / "apps" / "links").mkdir(parents=True)
    text = (Path(__file__).parents[2] / "apps" / "links" / "app.yaml").read_text()
    block = text[text.index("  web:") : text.index("secrets:")]
    path = tmp_path / "apps" / "links" / "app.yaml"
    path.write_text(text.replace(block, f"  web: {{port: 8080, {service}}}\n"))
    if not refused:
        assert load_app(FactoryRoot(tmp_path), "links").services["web"].port == 8080
        return
    with pytest.raises(InputError) as caught:
        load_app(FactoryRoot(tmp_path), "links")
    assert refused in str(caught.value.problems[0])
