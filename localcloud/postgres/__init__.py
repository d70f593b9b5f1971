"""The embedded PostgreSQL: one confined server for each RDS instance that the local cloud's records hold.

Delete the record and server and data are gone; no record, no server. Only the daemon uses this.
"""
