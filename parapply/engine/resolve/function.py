"""The function that a job names: what it is given, and which columns it looks at. In the parent."""

from __future__ import annotations

from typing import Any

from parapply.execute.call import Traits
from parapply.execute.callers.registry import CallerSpec
from parapply.functions.expressions import Expression
from parapply.functions.load import Function, frame_kind
from parapply.functions.used_columns import columns_used
from parapply.model.errors import UsageError
from parapply.model.job import Job


def make_function(job: Job) -> Function | Expression:
    """Return the function or expression, checked as far as it can be without the input."""
    if job.reduce is not None:
        from parapply.functions.hooks import Hook

        Hook("--reduce", job.reduce, 2).check()
    if job.expression is not None:
        expression = Expression(job.expression)
        expression.check()
        return expression
    assert job.function is not None
    function = Function(job.function, dict(job.arguments))
    function.find()
    return function


def kind_of(job: Job, function: Any, found: Any, columns: tuple[str, ...]) -> str:
    """Return --by; "auto" goes by the function's annotation, or the names in an expression."""
    if job.group_by:
        return "group"
    if job.by != "auto":
        return job.by
    if isinstance(function, Expression):
        return function.by(columns, bool(job.columns))
    return "value" if job.columns else "chunk" if frame_kind(found) else "row"


def frame_of(
    traits: Traits, function: Function | Expression, found: Any, seen: tuple[str, ...]
) -> str:
    """Return what a chunk or group is given as."""
    if isinstance(function, Expression):
        if traits.groups and (absent := function.absent(seen)):
            raise UsageError(f"with --group-by there is no `{absent}`: name columns, or `df`")
        lists = traits.groups and function.by(seen, False) != "chunk"
        return "lists" if lists else "pandas"
    frame = (found and frame_kind(found)) or "pandas"
    if frame == "lists" and not traits.groups:
        raise UsageError(f"{function.name} takes a parapply.Group: say --group-by COLUMN")
    return frame


def columns_read(
    spec: CallerSpec, by: str, function: Function | Expression, found: Any, seen: tuple[str, ...],
    frame: str,
) -> tuple[str, ...] | None:  # fmt: skip
    """Return the columns that the function looks at, None where it may be all."""
    lists = frame == "lists"
    if isinstance(function, Expression):
        return function.columns(seen, by, "row" if lists else spec.argument)
    if found is None or not (spec.traits.takes_rows or lists):
        return None
    if not lists:
        return columns_used(found, seen)
    from parapply.functions.group import Group

    return columns_used(found, seen, Group)
