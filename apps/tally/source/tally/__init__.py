"""Counts events: `server` queues them, `worker` adds each up once, `counts` keeps the sums in PostgreSQL."""
