"""Whether a statement's conditions hold in a request's context.

Rules: "Condition operators" (missing keys, IfExists, Null) and "Creating a condition with multiple keys or values".
"""

from collections.abc import Mapping, Sequence

from factory.iam.documents import Condition, Effect, Qualifier, Statement
from factory.iam.operators import NULL

# Keys in lower case, with every value; a key without any value is as good as missing.
Context = Mapping[str, Sequence[str]]


def hold(statement: Statement, context: Context) -> bool:
    """Whether every condition of the statement holds.

    AWS leaves open what a key with several values means to an operator without set qualifier. Then the statement is
    taken in the way that allows less: an Allow does not apply, a Deny does.
    """
    open_means = statement.effect is Effect.DENY
    return all(_holds(condition, context, open_means=open_means) for condition in statement.conditions)


def single_value(context: Context, key: str) -> str | None:
    """The value of a key that has exactly one: only such keys can be policy variables."""
    values = context.get(key, ())
    return values[0] if len(values) == 1 else None


def _holds(condition: Condition, context: Context, *, open_means: bool) -> bool:
    values = context.get(condition.key, ())
    if condition.operator is NULL:
        return (not values) in condition.values
    if not values:
        return condition.if_exists or _holds_without_value(condition)
    if condition.qualifier is Qualifier.NONE:
        return _compares(condition, values[0], context) if len(values) == 1 else open_means
    # AWS: values that come to nothing, such as an empty string, count as none.
    if not any(values):
        return condition.qualifier is Qualifier.ALL
    quantifier = all if condition.qualifier is Qualifier.ALL else any
    return quantifier(_compares(condition, value, context) for value in values)


def _holds_without_value(condition: Condition) -> bool:
    if condition.qualifier is Qualifier.NONE:
        return condition.operator.negated
    return condition.qualifier is Qualifier.ALL


def _compares(condition: Condition, value: str, context: Context) -> bool:
    def lookup(key: str) -> str | None:
        return single_value(context, key)

    found = any(condition.operator.holds(wanted, value, lookup) for wanted in condition.values)
    return found != condition.operator.negated
