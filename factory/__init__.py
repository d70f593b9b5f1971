"""Shared vocabulary of the factory: app specs, settings, paths, errors, database, events, daemons.

Every room may import it; it imports no room. Whatever two rooms must agree on lives here, once.
"""
