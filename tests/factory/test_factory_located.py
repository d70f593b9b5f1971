"""Every mistake in app.yaml is reported with its place, what was found, and what may stand there."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_sizes import tried
from spec_strategies import GOOD, factory_in

from factory.document import load_document
from factory.errors import ExitCode, InputError, Problem
from factory.spec import load_app

# name: text to replace, its replacement, the one problem: line:column, field, and words of the message.
MISTAKES = {
    "unknown key": (
        "region: eu",
        "regions: x\nregion: eu",
        ["4:1: regions: unknown key", "'region'?", "allowed: access, agents, "],
    ),
    "unknown key far from all": ("region: eu", "zzz: 1\nregion: eu", ["4:1: zzz: unknown key", "remove it"]),
    "unknown nested key": ("replicas: 2", "replica: 2", ["10:5: services.web.replica: unknown key", "'replicas'?"]),
    "unknown function": ("  coder:", "  codr:", ["14:3: agents.codr: not one of", "did you mean 'coder'?"]),
    "unknown environment": ("  staging:", "  stage:", ["19:3: environments.stage: not one of", "'staging'"]),
    "unknown version": ("millwright/v2", "millwright/v3", ["1:13: apiVersion: not one of", "'millwright/v2'?"]),
    "missing key": ("region: eu-central-1\n", "", ["1:1: region: missing", "add `region:`"]),
    "missing nested key": ("  cidr: 10.20.0.0/16", "  {}", ["5:1: network.cidr: missing", "add `cidr:`"]),
    "word for a number": ("port: 8080", "port: http", ["9:11: services.web.port: ", "integer (found 'http')"]),
    "text for a number": ("replicas: 2", "replicas: '2'", ["10:15: services.web.replicas: ", "integer (found '2')"]),
    "truth for a number": ("replicas: 2", "replicas: true", ["10:15: services.web.replicas: ", "(found True)"]),
    "fraction for a number": ("replicas: 2", "replicas: 2.5", ["10:15: services.web.replicas: ", "(found 2.5)"]),
    "number out of range": ("port: 8080", "port: 80", ["9:11: services.web.port: ", "1024 (found 80)"]),
    "number past all ranges": ("port: 8080", f"port: {'9' * 5000}", ["9:11: services.web.port: "]),
    "number for a text": ("owner: web-team", "owner: 12", ["3:8: owner: ", "(found 12)", "put it in quotes"]),
    "YAML 1.1 truth is a name, so a text": ("port: 8080", "port: no", ["9:11: services.web.port: ", "(found 'no')"]),
    "YAML 1.1 base sixty is a text": ("port: 8080", "port: 1:30", ["9:11: services.web.port: ", "(found '1:30')"]),
    "YAML 1.1 date is a text": ("name: links", "name: 2026-02-30", ["2:7: name: ", "(found '2026-02-30')"]),
    "list for a mapping": ("  signing-key: {}", "  - signing-key", ["12:3: secrets: must be a mapping"]),
    "nothing for a mapping": ("  production: {}", "  production:", ["20:3: environments.production: ", "write `{}`"]),
    "mapping for a list": ("[signing-key]", "{a: b}", ["15:14: agents.coder.secrets: ", "list (found {'a': 'b'})"]),
    "wrong element": ("[signing-key]", "[signing-key, 7]", ["15:28: agents.coder.secrets.1: ", "put it in quotes"]),
    "element in block style": ("[signing-key]", "\n    - 7", ["16:7: agents.coder.secrets.0: "]),
    "undeclared secret": (
        "[signing-key]",
        "[signing-kee]",
        ["15:15: agents.coder.secrets.0: no such", "'signing-key'?"],
    ),
    "bad name": ("  web:\n", "  Web_1:\n", ["8:3: services.Web_1: a name is 1 to 24"]),
    "too many entries": ("secrets:\n", "  api: {port: 8081}\nsecrets:\n", ["8:3: services: ", "at most 1 item"]),
    "key twice": (
        "owner: web-team",
        "owner: web-team\nname: x",
        ["4:1: name: the key 'name' stands here and on line 2"],
    ),
    "nested key twice": (
        "    replicas: 2",
        "    port: 8081",
        ["10:5: services.web.port: the key 'port' stands here and on line 9"],
    ),
    "tab": ("  web:\n", "\tweb:\n", ["8:1: services: not YAML: ", "'\\t'", "with spaces"]),
    "open bracket": ("[signing-key]", "[signing-key", ["16:16: agents.coder.secrets: not YAML: "]),
    "control character": ("web-team", "web\0team", ["3:11: not YAML: the character U+0000"]),
    "anchor": ("owner: web-team", "owner: &o web-team", ["3:8: owner: anchors and aliases are not taken"]),
    "merge key": ("code-reviewer: {}", "code-reviewer: {<<: {cpu: 256}}", ["16:19: agents.code-reviewer: not a key"]),
    "tag": ("port: 8080", "port: !!int 8080", ["9:11: services.web.port: tags such as ", "int are not taken"]),
    "half a character": ("web-team", '"\\ud800"', ["3:8: owner: half of a surrogate pair"]),
    "no character at all": ("web-team", '"\\UFFFFFFFF"', ["3:"]),
    "a second document": ("region: eu", "---\nregion: eu", ["4:1: a second document"]),
    "bottomless nesting": (
        "[signing-key]",
        "[" * 5000,
        ["15:28: agents.coder.secrets" + ".0" * 14 + ": nested more than 16 deep"],
    ),
}


def _problems(folder: Path, text: str) -> tuple[Problem, ...]:
    root = factory_in(folder, text)
    with pytest.raises(InputError) as caught:
        load_app(root, "links")
    assert caught.value.exit_code is ExitCode.INVALID_INPUT
    return caught.value.problems


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_once_at_its_line_and_column(name: str, tmp_path: Path) -> None:
    old, new, words = MISTAKES[name]
    assert old in GOOD
    (problem,) = _problems(tmp_path, GOOD.replace(old, new, 1))
    shown = str(problem)
    assert shown.startswith(f"{tmp_path}/apps/links/app.yaml:{words[0]}"), shown
    assert all(word in shown for word in words), shown
    assert len(shown) < 500


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("replicas: 2", "replicas: 010"),
        ("replicas: 2", "replicas: 0x0A"),
        ("owner: web-team", "owner: no"),
        ("owner: web-team", "owner: 'web-team'  # the team"),
        ("secrets:\n  signing-key: {}\n", 'secrets: {"signing-key": {description: 2026-01-01}}\n'),
        ("apiVersion", "\ufeffapiVersion"),
        ("apiVersion", "%YAML 1.1\n---\napiVersion"),
        ("\n", "\r\n"),
    ],
)
def test_good_files_in_any_spelling_are_read(old: str, new: str, tmp_path: Path) -> None:
    spec = load_app(factory_in(tmp_path, GOOD.replace(old, new) if old else GOOD), "links")
    assert spec.services["web"].replicas == (10 if "replicas" in new else 2)
    assert spec.owner == ("no" if new.endswith("no") else "web-team")


def test_a_yaml_1_1_line_does_not_change_what_words_mean(tmp_path: Path) -> None:
    path = tmp_path / "any.yaml"
    path.write_text("%YAML 1.1\n---\na: [no, 010, 1:30, 0o10, ~, .5, 'true', true]\n")
    assert load_document(path).data == {"a": ["no", 10, "1:30", 8, None, 0.5, "true", True]}


def test_all_mistakes_of_a_file_come_at_once_in_one_error(tmp_path: Path) -> None:
    text = GOOD.replace("replicas: 2", "replica: 2").replace("owner: web-team\n", "").replace("8080", "eighty")
    found = {(p.line, p.column, p.field) for p in _problems(tmp_path, text)}
    assert found == {(1, 1, "owner"), (8, 11, "services.web.port"), (9, 5, "services.web.replica")}


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "~\n", "{}\n"])
def test_an_empty_file_lacks_every_required_key(text: str, tmp_path: Path) -> None:
    problems = _problems(tmp_path, text)
    missing = ["apiVersion", "name", "owner", "region", "network", "services", "agents", "environments"]
    assert [(p.field, p.message, p.line) for p in problems] == [(field, "missing", 1) for field in missing]


@pytest.mark.parametrize(
    ("text", "kind"), [("- a\n- b\n", "list"), ("links\n", "single value"), ("3\n", "single value")]
)
def test_a_file_that_is_no_mapping_says_what_it_is(text: str, kind: str, tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path, text)
    assert f"app.yaml:1:1: must be a mapping of keys to values, not a {kind}" in str(problem)


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    root = factory_in(tmp_path)
    (root.apps / "links" / "app.yaml").write_bytes(GOOD.replace("web-team", "wéb").encode("latin-1"))
    with pytest.raises(InputError) as caught:
        load_app(root, "links")
    (problem,) = caught.value.problems
    assert (problem.line, problem.message) == (3, f"not UTF-8: invalid continuation byte at byte {GOOD.index('eb-t')}")


@pytest.mark.parametrize("name", ["missing.yaml", "folder"])
def test_a_file_that_cannot_be_read_is_an_input_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=f"{name} cannot be read: "):
        load_document(tmp_path / name)


WORDS = st.sampled_from(
    [*GOOD.replace("\n", "\n ").split(" "), "\n", "? ", "- ", "{", "}", "[", "&a", "*a", "<<:", "!x", "|"]
)


@settings(max_examples=tried(150))
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(WORDS, max_size=40).map(" ".join),
        st.tuples(st.integers(0, len(GOOD)), st.text(max_size=3)).map(
            lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] :]
        ),
    )
)
def test_any_text_is_a_spec_or_an_input_error_with_places_inside_the_file(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    data = text.encode("utf-8", "surrogatepass")
    root = factory_in(tmp_path_factory.mktemp("any"))
    (root.apps / "links" / "app.yaml").write_bytes(data)
    error: InputError | None = None
    try:
        load_app(root, "links")
    except InputError as refused:
        error = refused
    if error:
        assert error.problems
        for problem in error.problems:
            assert 1 <= problem.line <= len(text.splitlines()) + 1, problem
            assert problem.column >= 1
            str(problem).encode()
