"""`apps/<app>/app.yaml` as `AppSpec`: the one file that says what an app is and what its factory holds."""

from factory.spec.access import HOW_GRANTED, LEASE_MINUTES, AccessRule, Scope
from factory.spec.differing import differing_fields
from factory.spec.egress import EgressRule, egress_rule, host_name, port_number
from factory.spec.loading import app_names, load_app, require_apart
from factory.spec.model import AppSpec
from factory.spec.names import (
    APP_NAME_LENGTH,
    KEPT_NAMES,
    KEPT_PREFIXES,
    PART_NAME_LENGTH,
    AppName,
    Environment,
    Function,
)
from factory.spec.outside import ApiSpec
from factory.spec.parts import (
    LOG_DAYS,
    AgentSpec,
    BudgetSpec,
    DatabaseSpec,
    QueueSpec,
    ServiceSpec,
    Size,
    TaskBudget,
    WorkerSpec,
    variable_name,
)
from factory.spec.sources import source_digest, source_files
from factory.spec.tools import FUNCTION_TOOLS, NEEDED_TOOLS, Tool
from factory.spec.upgrade import VERSION, recorded_spec, upgraded

__all__ = [
    "APP_NAME_LENGTH",
    "FUNCTION_TOOLS",
    "HOW_GRANTED",
    "KEPT_NAMES",
    "KEPT_PREFIXES",
    "LEASE_MINUTES",
    "LOG_DAYS",
    "NEEDED_TOOLS",
    "PART_NAME_LENGTH",
    "VERSION",
    "AccessRule",
    "AgentSpec",
    "ApiSpec",
    "AppName",
    "AppSpec",
    "BudgetSpec",
    "DatabaseSpec",
    "EgressRule",
    "Environment",
    "Function",
    "QueueSpec",
    "Scope",
    "ServiceSpec",
    "Size",
    "TaskBudget",
    "Tool",
    "WorkerSpec",
    "app_names",
    "differing_fields",
    "egress_rule",
    "host_name",
    "load_app",
    "port_number",
    "recorded_spec",
    "require_apart",
    "source_digest",
    "source_files",
    "upgraded",
    "variable_name",
]
