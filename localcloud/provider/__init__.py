"""The provider door: Pulumi's resource provider protocol for the published AWS SDK, driven by `localcloud.records`.

Only `localcloud.daemon` serves it. One server answers many engines at once; who asks is told by the connection.
"""
