"""Alembic history of the factory's database: one file per revision in `versions`, oldest first.

Run by `factory.db.connect`; nobody imports it.
"""
