"""The git door: a process of its own before the apps' repositories. Unchanged git clones, fetches and pushes over HTTPS
with its grant's token; what a push asks for is judged and recorded before git takes any of it.

Only the broker (`access`) starts it, by `process.GitDoor`; it imports the factory, and of access what records.
"""
