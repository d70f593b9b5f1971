"""What moto's services leave out, and ordinary programs need; taught to a service before its first call.

Each module has `teach()`, and imports its service: only the daemon imports it, and late.
"""
