"""The component package `millwright`: an app's factory, or single parts of one, for Pulumi programs in any language.

The engine starts it (`python -m stacks.package ROOT ...`); no room imports it.
"""
