"""Confined processes: no network, no host files but those bound in, bounded in time, memory and output.

One interface over bubblewrap; it probes at its first use and refuses to run anything unconfined. Agents, the pipeline
and the local cloud import it; it imports only the factory.
"""

from sandbox.model import Bind, Confined, Limits, Ran
from sandbox.outward import Gate, Gates
from sandbox.python import python_binds
from sandbox.running import probe, run
from sandbox.serving import Served, Worker, start_service, start_worker
from sandbox.ways import through

__all__ = [
    "Bind",
    "Confined",
    "Gate",
    "Gates",
    "Limits",
    "Ran",
    "Served",
    "Worker",
    "probe",
    "python_binds",
    "run",
    "start_service",
    "start_worker",
    "through",
]
