"""The relay before other people's HTTP APIs: a process of its own that puts the credential in, and shows it to nobody.

`requests` and `answers` say what passes, `front` lets in, `session` records and carries out, `serve` is the process.
"""
