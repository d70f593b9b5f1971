"""Settings: defaults, then the file, then the environment; each refusal names its source."""

from pathlib import Path

import pytest

from factory.errors import InputError
from factory.paths import FactoryRoot, find_root, private_folder
from factory.settings import Settings, load, new_factory_id


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MILLWRIGHT_{name.upper()}", raising=False)


def _load(folder: Path, text: str) -> Settings:
    (folder / "millwright.yaml").write_text(text)
    return load(FactoryRoot(folder))


def _refused(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        _load(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("aws: local\n", {}),
        ("aws: account\naws_account: '012345678901'\n", {"aws": "account", "aws_account": "012345678901"}),
        ("backend: s3://states\ndatabase: sqlite:///x.db\n", {"backend": "s3://states", "database": "sqlite:///x.db"}),
        ("engine_cache: /var/engines\n", {"engine_cache": Path("/var/engines")}),
    ],
)
def test_the_file_changes_only_the_keys_it_has(text: str, expected: dict[str, object], tmp_path: Path) -> None:
    assert _load(tmp_path, text) == Settings(**expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("awz: local", "millwright.yaml:1:1: awz: unknown key (found 'awz')"),
        ("aws: remote", "millwright.yaml:1:6: aws: not one of the values it can have (found 'remote')"),
        (
            "aws: account\naws_account: 123456789012",
            "millwright.yaml:2:14: aws_account: Input should be a valid string",
        ),
        ("aws: account\naws_account: '1234'", "millwright.yaml:2:14: aws_account: String should match"),
        ("aws: account", "millwright.yaml: aws_account: needed with `aws: account`; name the twelve digits"),
        ("github_repository: a/b", "millwright.yaml: github_connection: the other of the two keys for GitHub is there"),
        ("aws_account: '123456789012'", "millwright.yaml: aws_account: has no meaning with `aws: local`; remove it"),
        ("database: [a]", "millwright.yaml:1:11: database: Input should be a valid string (found ['a'])"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    (found,) = _refused(tmp_path, text)
    assert found.startswith(problem), found


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLWRIGHT_BACKEND", "file:///elsewhere")
    monkeypatch.setenv("MILLWRIGHT_AWS", "local")
    settings = _load(tmp_path, "backend: s3://states\ndatabase: sqlite:///x.db\n")
    assert (settings.backend, settings.database) == ("file:///elsewhere", "sqlite:///x.db")


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("MILLWRIGHT_AWS", "moon", "MILLWRIGHT_AWS: Input should be 'local' or 'account' (found 'moon')"),
        ("MILLWRIGHT_AWS_ACCOUNT", "12", "MILLWRIGHT_AWS_ACCOUNT: String should match"),
        ("MILLWRIGHT_AWS", "account", "millwright.yaml: aws_account: needed with `aws: account`"),
    ],
)
def test_a_wrong_override_names_the_variable(
    variable: str, value: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    (found,) = _refused(tmp_path, "backend: s3://states\n")
    assert found.startswith(problem), found


def test_which_factory_it_is_stands_in_the_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = new_factory_id(), new_factory_id()
    assert one != other
    assert _load(tmp_path, f"factory_id: {one}\n").identity == f"{one}@local"
    account = f"aws: account\naws_account: '012345678901'\nfactory_id: {one}\n"
    assert _load(tmp_path, account).identity == f"{one}@012345678901"
    assert _load(tmp_path, "").identity is None
    (wrong,) = _refused(tmp_path, "factory_id: links\n")
    assert wrong.startswith("millwright.yaml:1:13: factory_id: String should match")
    monkeypatch.setenv("MILLWRIGHT_FACTORY_ID", other)
    (variable,) = _refused(tmp_path, f"factory_id: {one}\n")
    assert variable == "MILLWRIGHT_FACTORY_ID: this setting stands in millwright.yaml only; unset it"


def test_a_root_is_found_from_any_folder_below_it(tmp_path: Path) -> None:
    (tmp_path / "millwright.yaml").touch()
    below = tmp_path / "apps" / "links"
    below.mkdir(parents=True)
    assert find_root(below) == find_root(tmp_path) == FactoryRoot(tmp_path.resolve())


def test_outside_any_factory_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no factory here") as caught:
        find_root(tmp_path)
    assert "millwright init" in caught.value.hint


def test_private_folders_are_their_owners_only_all_the_way_up(tmp_path: Path) -> None:
    made = private_folder(tmp_path / "state" / "run")
    assert [folder.stat().st_mode & 0o777 for folder in (made, made.parent)] == [0o700, 0o700]
    assert private_folder(made) == made
