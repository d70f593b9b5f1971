"""Access plane: what agents and people may reach, decided, leased, recorded, and ended in time.

It imports the factory and the sandbox. Agents and the pipeline import `access.client` and nothing else of it; what
decides runs in processes of its own.
"""
