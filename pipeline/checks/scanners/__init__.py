"""Programs that run in the scanners' sandbox, by their path; the factory does not exist there.

Nobody imports them: `pipeline.checks` binds this folder into the sandbox and reads what they print.
"""
