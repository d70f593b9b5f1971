"""Texts that hold the engine's mark of a value that is not known yet.

A program that formats such a value in a preview puts the mark into its text: `{"Resource": "04da6b54-...:*"}`. What
such a text says is not known, though it is one.
"""

from policies.decode import UNKNOWN_MARKS
from policies.model import UNKNOWN, Plain


def settled(value: Plain) -> Plain:
    """The value, with UNKNOWN for every text in it that holds a mark."""
    if isinstance(value, dict):
        return {name: settled(member) for name, member in value.items()}
    if isinstance(value, list):
        return [settled(element) for element in value]
    if isinstance(value, str) and any(mark in value for mark in UNKNOWN_MARKS):
        return UNKNOWN
    return value
