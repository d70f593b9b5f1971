"""The controls' records, one module per group of the control catalogue, each in the order of numbers.

`policies.table` puts them together; nothing else imports them.
"""
