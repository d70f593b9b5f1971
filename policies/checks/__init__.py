"""The pure checks behind the records of `policies.catalogue`, in modules named after its groups.

Only the catalogue imports them.
"""
