"""What several checks need to read: policy documents, address ranges, pods, references between resources.

Only `policies.checks` imports it. Everything here is pure, and takes data of any shape, `UNKNOWN` included.
"""
