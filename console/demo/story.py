"""`millwright demo`: every scene in a factory of its own, and what was shown."""

from dataclasses import replace

from console.demo import summary
from console.demo.people import answer_at_terminal, answer_by_itself
from console.demo.place import FOLDER, make_place
from console.demo.scenes import SCENES, Stage, timed
from console.session import Session
from console.show import ERR, OUT
from factory.errors import InputError
from factory.settings import load


def play(session: Session) -> None:
    """Play every scene; a person at the terminal answers at the gates."""
    _play(Stage(_demo_session(session), answer_at_terminal))


def play_by_itself(session: Session) -> None:
    """Play every scene; the labelled demo people answer at the gates."""
    _play(Stage(_demo_session(session), answer_by_itself))


def require_local(session: Session) -> None:
    """Raises InputError where the settings name a real cloud or a real model."""
    if session.settings.aws != "local":
        raise InputError("the demo runs on the local cloud only", hint="`aws: local` in millwright.yaml")


def _demo_session(session: Session) -> Session:
    require_local(session)
    place = make_place(session.root, session.settings)
    ERR.print(f"the demo's factory is {FOLDER}/; yours stays as it is")
    return replace(session, root=place, settings=load(place))


def _play(stage: Stage) -> None:
    times: list[tuple[str, float]] = []
    for number, (title, scene) in enumerate(SCENES, 1):
        ERR.print(f"\n[bold cyan]{number}. {title}[/]")
        times.append((title, timed(scene, stage)))
    OUT.print()
    summary.show(stage, times)
    OUT.print(f"It all still runs. Look around: cd {FOLDER} && millwright inbox; or: make demo-clean")
