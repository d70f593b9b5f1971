"""No agent's task is declared that would run as nobody, or as another function's agent."""

import pulumi
import pytest
from component_mocks import ACCOUNT, ARTEFACT, REGION, Declared, declare

from components import aws

TASK = "aws:ecs/taskDefinition:TaskDefinition"
OWN = {"coder": "arn:role/coder", "tester": "arn:role/tester"}


def runner_with(identities: dict[str, str]) -> list[Declared]:
    def program() -> None:
        aws.AgentRunner(
            "links-build",
            {
                "account": ACCOUNT,
                "region": REGION,
                "key_id": "arn:key",
                "repository": "runner",
                "image": ARTEFACT,
                "identities": identities,
                "functions": {function: {"cpu": 256, "memory": 512} for function in OWN},
                "log_days": 30,
            },
        )

    return declare(program, stack="links-build")


def test_each_functions_tasks_run_as_its_own_identity() -> None:
    tasks = [each.inputs for each in runner_with(OWN) if each.type == TASK]
    assert {task["tags"]["function"]: task["taskRoleArn"] for task in tasks} == OWN


@pytest.mark.parametrize("missing", sorted(OWN))
def test_a_runner_without_the_identity_of_a_function_is_refused_by_name(missing: str) -> None:
    others = {function: role for function, role in OWN.items() if function != missing}
    with pytest.raises(pulumi.RunError, match=f"the {missing} is not started without an identity of its own"):
        runner_with(others)
