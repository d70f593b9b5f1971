"""Runs one Pulumi program in a process of its own, attached to the engine. Started by `engine.language_host`.

It is started by its path, with the interpreter that the project names, so it imports only the standard library and
that interpreter's Pulumi SDK, never a room of ours. Exit codes: 0 done; 32 failed and the user has already been told
(the host answers `bail`); 130 interrupted; anything else is the program's own.
"""

import argparse
import asyncio
import logging
import os
import runpy
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pulumi.runtime import Settings

ALREADY_TOLD = 32
INTERRUPTED = 130
# What a program may spend on its own clean-up after Ctrl-C; the engine is ending and shows nothing more.
CLEANUP_SECONDS = 1.0
# A blocking call made by the program holds a thread while it waits, so there are more threads than the engine's
# parallelism asks for: the same factor as Pulumi's own host.
THREADS_PER_OPERATION = 4


def main() -> None:
    """Run the program named on the command line and end the process with its exit code."""
    signal.signal(signal.SIGINT, _interrupted)
    # The host blocks SIGINT over the start of this process: the interpreter's own start would print a traceback.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        arguments = _arguments()
        _leave_own_folder()
        code = _run(arguments)
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)
    sys.exit(code)


def _interrupted(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # From here on whatever goes wrong is a consequence of the interrupt: the user asked for it, so it is no news.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    deadline = threading.Timer(CLEANUP_SECONDS, os._exit, (INTERRUPTED,))
    deadline.daemon = True
    deadline.start()
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a Pulumi program", allow_abbrev=False)
    for name in ("monitor", "engine", "project", "stack", "organization", "root_directory", "pwd"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("--dry_run", choices=("true", "false"), required=True)
    parser.add_argument("program", type=Path)
    parser.add_argument("args", nargs="*")
    return parser.parse_args()


def _leave_own_folder() -> None:
    """Take this file's folder off the module path, so that none of our modules shadows one of the program's."""
    own = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != own]


def _run(arguments: argparse.Namespace) -> int:
    # Here, because the project's interpreter may lack it, and that is for its user to hear.
    try:
        import pulumi
        import pulumi.runtime
    except ImportError as error:
        text = f"error: {error}\nThe Pulumi SDK is not installed for {sys.executable}: install it there\n"
        sys.stderr.write(text)
        return 1
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    settings = pulumi.runtime.Settings(
        monitor=arguments.monitor,
        engine=arguments.engine,
        project=arguments.project,
        stack=arguments.stack,
        parallel=arguments.parallel,
        dry_run=arguments.dry_run == "true",
        organization=arguments.organization,
        root_directory=arguments.root_directory,
    )
    pulumi.runtime.configure(settings)
    sys.argv = [str(arguments.program), *arguments.args]
    os.chdir(arguments.pwd)
    program = arguments.program.absolute()
    missing = _missing(program)
    if missing:
        pulumi.log.error(missing)
        return ALREADY_TOLD
    try:
        _in_event_loop(settings, program)
    except SystemExit as stop:
        return _told_exit_code(stop)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return ALREADY_TOLD
    except Exception:  # noqa: BLE001  (whatever the user's program raises is shown to the user, trimmed)
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_user_traceback(program)}")
        return ALREADY_TOLD
    return 0


def _missing(program: Path) -> str:
    if program.is_dir() and not (program / "__main__.py").is_file():
        return f"unable to find main python program `__main__.py` in `{program}`"
    return "" if program.exists() else f"unable to find main python program `{program}`"


def _in_event_loop(settings: "Settings", program: Path) -> None:
    import pulumi.runtime

    # A failed program leaves futures unobserved, and asyncio would log each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if program.is_file():
        sys.path.insert(0, str(program.parent))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = None
    if settings.parallel is not None:
        executor = ThreadPoolExecutor(max_workers=max(settings.parallel, 1) * THREADS_PER_OPERATION)
        loop.set_default_executor(executor)

    def run() -> None:
        try:
            runpy.run_path(str(program), run_name="__main__")
        except SystemExit as stop:
            # `sys.exit(0)` ends the program, not the process: what it registered must still reach the engine,
            # or the engine would take it for removed.
            if stop.code not in (None, 0):
                raise

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    finally:
        if executor is not None:
            executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()


def _told_exit_code(stop: SystemExit) -> int:
    """`sys.exit("text")` prints the text and means 1, as in any Python program."""
    if isinstance(stop.code, int):
        return stop.code
    sys.stderr.write(f"{stop.code}\n")
    return 1


def _user_traceback(program: Path) -> str:
    folder = program if program.is_dir() else program.parent
    error: Any = sys.exc_info()[1]
    return traceback_from(error, lambda file: _is_theirs(file, folder))


def traceback_from(error: BaseException, theirs: Callable[[Path], bool]) -> str:
    """An error's traceback from the user's own first frame on; none of it when none is theirs.

    What the SDK was doing when it found a mistake says nothing about where the mistake is.
    """
    frames = traceback.extract_tb(error.__traceback__)
    for index, frame in enumerate(frames):
        # `<frozen runpy>` is no file, wherever the process stands.
        if not frame.filename.startswith("<") and theirs(Path(frame.filename).absolute()):
            return "".join(traceback.format_exception(error, limit=index - len(frames)))
    return "".join(traceback.format_exception_only(error))


def _is_theirs(file: Path, folder: Path) -> bool:
    # An environment in the project's folder holds other people's code.
    installed = file.is_relative_to(sys.prefix) or "site-packages" in file.parts
    return file.is_relative_to(folder) and not installed and file != Path(__file__).resolve()


if __name__ == "__main__":
    main()
