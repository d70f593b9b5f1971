"""Reads what a cloud holds into `stacks.isolation.records`, through boto3 clients; nothing is decided here."""

from stacks.isolation.reading.everything import PARTS, Part, assembled, read_cloud, read_parts
from stacks.isolation.reading.reader import Clients

__all__ = ["PARTS", "Clients", "Part", "assembled", "read_cloud", "read_parts"]
