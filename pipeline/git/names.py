"""Names that no agent's commit may touch: what would run elsewhere, or change what git itself does. Data and a matcher.

Sources: the documentation of each CI service and hook manager; for spellings of `.git`, git's own `fsck` (HFS+
ignores some characters, NTFS trailing dots and blanks, both ignore case).
"""

import re
import unicodedata

CI_FOLDERS = frozenset(
    {
        ".github",
        ".gitlab",
        ".gitea",
        ".forgejo",
        ".circleci",
        ".buildkite",
        ".woodpecker",
        ".drone",
        ".tekton",
        ".semaphore",
        ".teamcity",
        ".harness",
        ".azure-pipelines",
        ".azuredevops",
        ".ci",
        ".concourse",
        ".jenkins",
        ".codebuild",
    }
)
CI_FILES = re.compile(
    r"""\.gitlab-ci.*\.ya?ml | buildspec.*\.(?:ya?ml|json) | jenkinsfile.* | azure-pipelines.*\.ya?ml | \.travis\.ya?ml
    | \.?appveyor\.ya?ml | bitbucket-pipelines\.ya?ml | \.drone\.(?:ya?ml|star|jsonnet) | \.woodpecker\.ya?ml
    | cloudbuild.*\.(?:ya?ml|json) | \.cirrus\.(?:ya?ml|star) | codemagic\.ya?ml | wercker\.ya?ml | \.?codeowners
    | \.build\.ya?ml | appspec\.ya?ml | dagger\.json | \.gitpod\.ya?ml | skaffold\.ya?ml""",
    re.VERBOSE,
)
HOOK_FOLDERS = frozenset({".githooks", ".husky", ".git-hooks", ".lefthook", ".git_hooks"})
HOOK_FILES = re.compile(
    r"""\.pre-commit-(?:config|hooks)\.ya?ml | \.?lefthook(?:-local)?\.(?:ya?ml|toml|json) | \.overcommit\.ya?ml
    | \.huskyrc.* | \.lintstagedrc.* | lint-staged\.config\..* | \.simple-git-hooks\..* | \.envrc""",
    re.VERBOSE,
)
GIT_FILES = frozenset({".gitmodules", ".gitattributes", ".gitconfig", ".lfsconfig", ".git-blame-ignore-revs"})
# NTFS' short names of .git, .gitmodules and .gitattributes.
GIT_SHORT_NAMES = re.compile(r"git~\d+|gitmod~\d+|gitatt~\d+|gi[0-9a-f]{4}~\d+")


def folded(name: str) -> str:
    """One part of a path as the most careless file system would understand it."""
    plain = unicodedata.normalize("NFKC", name)
    seen = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", seen.casefold()).rstrip(". ")


def kept_for(name: str) -> str | None:
    """What a part of a path is kept for, in words; None for one that agents may write."""
    part = folded(name)
    if part == ".git" or GIT_SHORT_NAMES.fullmatch(part):
        return "git's own folder"
    if part in GIT_FILES:
        return "what git itself obeys"
    if part in CI_FOLDERS or CI_FILES.fullmatch(part):
        return "what CI services run"
    if part in HOOK_FOLDERS or HOOK_FILES.fullmatch(part):
        return "hooks, which run on people's machines"
    return None
