"""The pipeline: the six stages of a change as a durable workflow, with gates, git, checks and deployment.

The worker daemon runs it; the console asks it through `pipeline.client`. It imports agents, stacks, sandbox, factory.
"""
