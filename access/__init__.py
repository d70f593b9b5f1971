"""Access plane: what agents may reach, decided and recorded per task. For now the egress proxy and the audit log.

It imports the factory and the sandbox. Agents and the pipeline import `access.client` and nothing else of it; what
decides runs in processes of its own.
"""
