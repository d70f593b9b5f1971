"""The local AWS's state on disk: a log of every call that changes something, and snapshots of everything.

A call is in the log before it is answered, so what was answered outlives the process, however it ends. Replayed, it
gives the same ids, keys and times. Only `localcloud.backends` and the daemon use this.
"""
