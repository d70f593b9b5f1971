"""The local cloud's state in a process of its own, which a test may end wherever it likes."""

import subprocess
import sys
import textwrap

from factory.paths import FactoryRoot


def in_a_process(root: FactoryRoot, *code: str) -> subprocess.CompletedProcess[str]:
    """Run the pieces of `code` where `backends` are those of `root`, recovered, and `iam(name)` makes a user."""
    script = f"""
        import os, sys
        from pathlib import Path
        from localcloud.isolation import isolate
        isolate(os.environ)
        from localcloud.backends import Backends
        from localcloud.clients import Clients
        place = os.open({str(root.path / "place")!r}, os.O_CREAT | os.O_RDWR)
        backends = Backends(Path({str(root.local_cloud)!r}), place=place)
        recovered = backends.recover()
        client = Clients(backends).client("iam", "123456789012", "us-east-1")
        def iam(name): client.create_user(UserName=name)
        def users(): return [user["UserName"] for user in client.list_users()["Users"]]
    """
    return subprocess.run(
        [sys.executable, "-c", "\n".join(map(textwrap.dedent, (script, *code)))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
