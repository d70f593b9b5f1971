"""The egress proxy of one app: a process of its own that takes an agent's commands to the hosts of their list.

`proxy` decides about one connection after the other, `serve` is the process. Only `proxies` starts it.
"""
