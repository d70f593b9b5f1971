"""The component package `millwright`: an app's factory for Pulumi programs in any language, by plain inputs.

The engine starts it (`python -m stacks.package ROOT ...`); no room imports it.
"""
