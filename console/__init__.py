"""The command line: thin, no logic of its own; every command is a call into one room and a way to show the answer.

Nobody imports it.
"""
