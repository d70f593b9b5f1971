"""The SSH bastion: clients of a grant reach a host through it, recorded, and out of it when the grant ends.

A process of its own (`python -m access.ssh`). Of the rest of `access` it imports what says lines of orders, nothing
that decides.
"""
