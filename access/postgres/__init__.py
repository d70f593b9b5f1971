"""The PostgreSQL relay: a process of its own between agents and databases. A client logs in with its grant's token, the
relay with a password that the agent never sees; each statement is judged and recorded before it is passed on.

Only the broker (`access`) starts it, by `process.Relay`; it imports the factory and nothing else of access.
"""
