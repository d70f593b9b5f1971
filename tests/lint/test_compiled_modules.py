"""What set-up compiles holds what every update imports: text that is not compiled there is compiled by each process."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = "/.venv/lib/python3.11/site-packages"


def not_compiled(path: str) -> bool:
    makefile = (ROOT / "Makefile").read_text()
    pattern = re.search(r"^NOT_COMPILED := (.+)$", makefile, re.MULTILINE)
    assert pattern
    return re.search(pattern.group(1), f"{INSTALLED}/{path}") is not None


def services_in_use() -> set[str]:
    found: set[str] = set()
    for file in (ROOT / "components").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "pulumi_aws":
                found |= {alias.name for alias in node.names}
    return found


def test_every_service_that_a_component_declares_is_compiled_at_set_up() -> None:
    services = services_in_use()
    assert {"ec2", "rds", "budgets"} <= services
    assert not {service for service in services if not_compiled(f"pulumi_aws/{service}/__init__.py")}


def test_what_no_command_imports_is_left_out() -> None:
    assert not_compiled("pulumi_aws/sagemaker/__init__.py")
    assert not_compiled("sympy/core/basic.py")
    assert not not_compiled("pulumi_aws/provider.py")
