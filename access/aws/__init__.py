"""The signing proxy before AWS: calls of a grant are verified, decided, recorded, signed anew and sent.

A process of its own (`python -m access.aws`), started and told by the broker. Only `access` imports it.
"""
