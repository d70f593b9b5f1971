"""Confined processes: no network, no host files but those bound in, bounded in time, memory and output.

One interface over bubblewrap; it probes at its first use and refuses to run anything unconfined. Agents, the pipeline
and the local cloud import it; it imports only the factory.
"""
