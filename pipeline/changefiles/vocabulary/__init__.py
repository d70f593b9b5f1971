"""The words of acceptance criteria, as forms and as pytest-bdd steps: all that the test process in the sandbox holds.

`forms` needs only the standard library; `steps` and what it uses also pytest and pytest-bdd. Nothing here may import
the factory: it does not exist in that sandbox. `pipeline.changefiles` imports the forms; the tests that
`pipeline.checks` writes are run with the steps.
"""
