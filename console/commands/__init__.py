"""The subcommands, one file per subject; each adds its commands to the `millwright` command.

Imported by console.cli only.
"""
