"""The twin: a stand-in for the Messages API that plays authored scripts, so that the real SDK runs offline.

What it answers is labelled as scripted, and it refuses by name what no script says. The worker starts it when the
settings say `model: scripted`; nothing else imports it.
"""

from agents.twin.scripts import Script, load_script
from agents.twin.server import Twin

__all__ = ["Script", "Twin", "load_script"]
