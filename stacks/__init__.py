"""Stacks: the one program that declares an app's environment, and the driver that updates stacks.

Imported by console, pipeline and infra.py files; it imports components, engine, policies and factory.
"""
