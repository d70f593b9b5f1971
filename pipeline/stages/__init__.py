"""The stages of a change: each takes a context, the change's id and an argument, and answers plain JSON.

They do the work and carry their own keys, so that one that was killed may run again; the flow decides what follows.
Imported by `pipeline.flow` and `pipeline.service` only.
"""
