"""What runs behind the local cloud's ECS records: kept as declared, served behind one ingress on loopback.

No record, no process: `Reconciler` follows the records, a `Runtime` starts and stops what they name (sandboxed
processes; containers fit the same protocol), and the status is told by the cloud's own API. Only the local cloud's
daemon imports this.
"""
