"""The relay before the model's Messages API: it holds the API's key, knows grants' tokens, and records each call.

`providers.model` opens and closes grants here; nothing else of `access` imports it.
"""
