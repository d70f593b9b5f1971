"""What an environment follows, the app's files or what its release keeps; and what is said of the difference.

The files are app.yaml and the app's own code: one of them without the other declares nothing.
"""

from typing import Any, NamedTuple

from factory.releases import Release
from factory.spec import AppSpec, Environment, differing_fields, recorded_spec
from stacks.infra_code import INFRA, how_infra_changed
from stacks.inputs import differing_keys


class Files(NamedTuple):
    """What an app's files say now: app.yaml, and the digest of its own code ("" without any)."""

    spec: AppSpec
    infra: str


def digest_of(files: Files, release: Release) -> str:
    """One digest of both files, as `release` compares it with what it keeps and what it sets aside."""
    return release.as_it_knows(files.spec.digest(), files.infra)


def follows_file(files: Files, environment: Environment, release: Release, release_id: int | None) -> bool:
    """Whether the program declares `files`, and not what the wanted release keeps.

    After a way back it does so again once the files that were set aside have been edited. `release_id`: one that is
    named brings its own spec and code with it.
    """
    plainly = release_id is None and environment is not Environment.PRODUCTION
    return plainly and release.set_aside != digest_of(files, release)


def otherwise(files: Files, release: Release) -> list[str]:
    """What the files say otherwise than a release, in words; [] for nothing."""
    fields = differing_fields(recorded_spec(release.spec), files.spec)
    said = [f"app.yaml differs in {', '.join(fields)}"] if fields else []
    return [*said, f"{INFRA} differs"] if infra_differs(files, release) else said


def infra_differs(files: Files, release: Release) -> bool:
    """Whether the app's code is another one than the release keeps."""
    return release.infra is not None and release.infra != files.infra


def set_aside(files: Files, environment: Environment, release: Release) -> str:
    """What the files say otherwise than a release to which an environment went back; "" for nothing."""
    said = otherwise(files, release) if release.went_back else []
    if not said:
        return ""
    restores = f"brought release {release.restores} back" if release.restores is not None else "was returned to"
    until = "it is edited, or the next release" if len(said) == 1 else "one is edited, or the next release"
    if environment is Environment.PRODUCTION:
        until = "a release with it is decided" if len(said) == 1 else "a release with them is decided"
    return (
        f"{files.spec.stack(environment)} serves release {release.id}, which {restores}, with the spec kept for it. "
        f"{' and '.join(said)}: {'it is' if len(said) == 1 else 'they are'} set aside until {until}"
    )


def edited(files: Files, release: Release) -> str:
    """Why the files are neither what was decided nor what was set aside; "" when they are one of the two."""
    decided = release.as_it_knows(release.spec_digest, release.infra)
    if digest_of(files, release) in (decided, release.set_aside):
        return ""
    fields = differing_fields(recorded_spec(release.spec), files.spec)
    code = "" if release.infra is None else how_infra_changed(release.infra, files.infra)
    wrong = ", ".join([*fields, *([code] if code else [])])
    if not fields:
        return f"changed after the decision: {wrong}"
    return f"app.yaml was edited after the decision: what it says now was never decided ({wrong})"


def brought_back(files: Files, release: Release, back: Release, configuration: dict[str, str]) -> dict[str, Any]:
    """What a person is shown of a way back beside the plan.

    To which release, what of the files is set aside, and which configured values are others than when it served.
    """
    fields = differing_fields(recorded_spec(release.spec), files.spec)
    return {
        "restores": release.restores,
        "app.yaml set aside": {"digest": files.spec.digest(), "differs in": fields},
        **({f"{INFRA} set aside": files.infra or None} if infra_differs(files, release) else {}),
        **({"configured since": changed} if (changed := configured_since(back, configuration)) else {}),
    }


def configured_since(back: Release, now: dict[str, str]) -> list[str]:
    """The keys of what is configured otherwise than when a release was seen to serve: no way back brings that back."""
    return sorted(differing_keys(back.configuration, now)) if back.configuration is not None else []
