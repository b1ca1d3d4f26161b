"""From what a person asked for to what a worker is told. Runs in the parent.

Everything that can be known to be wrong before a row is read is a UsageError here.
"""

from __future__ import annotations

from collections.abc import Sequence

from parapply.call import Call
from parapply.errors import UsageError
from parapply.expressions import Expression
from parapply.formats import Target
from parapply.functions import Function, frame_kind
from parapply.job import Job
from parapply.rows import no_column
from parapply.usage import columns_used

_KINDS = ("auto", "row", "value", "chunk")


def check_job(job: Job) -> None:
    """Raise UsageError where options contradict each other."""
    if (job.function is None) == (job.expression is None):
        raise UsageError("give a FUNCTION or an expression with -e, and only one of them")
    if job.by not in _KINDS:
        raise UsageError(f"--by {job.by}: there are: {', '.join(_KINDS)}")
    if job.filter and job.explode:
        raise UsageError("--filter and --explode cannot be used together")
    if job.filter and (job.into or job.only):
        raise UsageError("--filter keeps rows as they are; it takes neither --into nor --only")
    if job.select and job.drop:
        raise UsageError("--select and --drop cannot be used together")
    if job.chunk_size is not None and job.chunk_size < 1:
        raise UsageError(f"--chunk-size {job.chunk_size}: give a number of rows, at least 1")
    if job.expression is not None and job.arguments:
        raise UsageError("--arg is for functions; write the value into the expression")
    if len(set(job.into)) != len(job.into):
        raise UsageError(f"--into {','.join(job.into)}: each column once")


def make_function(job: Job) -> Function | Expression:
    """Return the function or expression, checked as far as it can be without the input."""
    check_job(job)
    if job.expression is not None:
        expression = Expression(job.expression)
        expression.check()
        return expression
    assert job.function is not None
    function = Function(job.function, dict(job.arguments))
    function.find()
    return function


def describe_call(job: Job, function: Function | Expression, columns: tuple[str, ...]) -> Call:
    """Return how the function is to be called on a table of these columns."""
    if isinstance(function, Expression):
        found = None
        by = function.by(columns, bool(job.columns)) if job.by == "auto" else job.by
    else:
        found = function.find()
        by = job.by
        if by == "auto":
            by = "value" if job.columns else "chunk" if frame_kind(found) else "row"
    if by == "value" and not job.columns:
        raise UsageError("--by value needs the columns whose values are given: -c COLUMN")
    given = positions(job.columns, columns, "-c") or tuple(range(len(columns)))
    seen = tuple(columns[position] for position in given)
    if isinstance(function, Expression):
        used = function.columns(seen, by)
    else:
        used = columns_used(found, seen) if by == "row" and found is not None else None
    read = given if used is None or by != "row" else tuple(p for p in given if columns[p] in used)
    call = Call(
        by=by,
        name=function.name,
        given=given,
        read=read,
        frame=(found and frame_kind(found)) or "pandas",
        expression=function if isinstance(function, Expression) else None,
        into=job.into,
        filter=job.filter,
        explode=job.explode,
    )
    _check_results(job, call)
    return call


def positions(names: Sequence[str], columns: tuple[str, ...], option: str) -> tuple[int, ...]:
    """Return where the named columns are; raises UsageError for one that is not there."""
    for name in names:
        if name not in columns:
            raise UsageError(f"{option} {','.join(names)}: {no_column(name, columns)}")
    return tuple(columns.index(name) for name in names)


def kept_columns(job: Job, columns: tuple[str, ...]) -> tuple[int, ...]:
    """Return the positions of the input's columns that stay in the output, in its order."""
    if job.only:
        return ()
    if job.select:
        return positions(job.select, columns, "--select")
    dropped = positions(job.drop, columns, "--drop")
    return tuple(place for place in range(len(columns)) if place not in dropped)


def surveyed(call: Call, keep: tuple[int, ...], target: Target) -> tuple[int, ...]:
    """Return the columns whose types have to be known over the whole input."""
    kept = keep if target.reads_typed and call.by != "chunk" else ()
    return tuple(sorted({*call.read, *kept}))


def _check_results(job: Job, call: Call) -> None:
    if call.by == "value" and len(call.given) > 1:
        if job.filter or job.explode:
            raise UsageError("--filter and --explode of values take one column: -c COLUMN")
        if job.into and len(job.into) != len(call.given):
            raise UsageError(
                f"--into {','.join(job.into)}: {len(job.into)} names "
                f"for {len(call.given)} columns of -c"
            )
    if call.by == "chunk":
        if job.explode:
            raise UsageError("--explode is for row and value functions; return a longer DataFrame")
        if len(job.into) > 1:
            raise UsageError("--into takes one name with a chunk function; return a DataFrame")
