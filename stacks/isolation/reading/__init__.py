"""Reads what a cloud holds into `stacks.isolation.records`, through boto3 clients; nothing is decided here."""

from stacks.isolation.reading.everything import read_cloud
from stacks.isolation.reading.reader import Clients

__all__ = ["Clients", "read_cloud"]
