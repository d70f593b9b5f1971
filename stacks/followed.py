"""Which spec an environment follows, app.yaml or the one that its release keeps; and what is said of the difference."""

from typing import Any

from factory.releases import Release
from factory.spec import AppSpec, Environment, differing_fields, recorded_spec


def follows_file(spec: AppSpec, environment: Environment, release: Release, release_id: int | None) -> bool:
    """Whether the program declares `spec`, which app.yaml says now, and not the one that the wanted release keeps.

    After a way back it does so again once the file that was set aside has been edited. `release_id`: one that is named
    brings its own spec with it.
    """
    plainly = release_id is None and environment is not Environment.PRODUCTION
    return plainly and release.set_aside != spec.digest()


def set_aside(spec: AppSpec, environment: Environment, release: Release) -> str:
    """What app.yaml says otherwise than a release to which an environment went back; "" for nothing."""
    fields = differing_fields(recorded_spec(release.spec), spec) if release.went_back else []
    if not fields:
        return ""
    restores = f"brought release {release.restores} back" if release.restores is not None else "was returned to"
    until = "it is edited, or the next release"
    if environment is Environment.PRODUCTION:
        until = "a release with it is decided"
    return (
        f"{spec.stack(environment)} serves release {release.id}, which {restores}, with the spec kept for it. "
        f"app.yaml differs in {', '.join(fields)}: it is set aside until {until}"
    )


def brought_back(spec: AppSpec, release: Release) -> dict[str, Any]:
    """What a person is shown of a way back beside the plan: to which release, and what of app.yaml is set aside."""
    fields = differing_fields(recorded_spec(release.spec), spec)
    return {"restores": release.restores, "app.yaml set aside": {"digest": release.set_aside, "differs in": fields}}
