"""The pure checks behind the table's records, one module per family of the control catalogue.

Only the table imports them.
"""
