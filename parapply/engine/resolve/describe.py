"""What a job means for its inputs: how the function is called, what is kept and how it is written.

Runs in the parent, before a row is read. What is wrong with the options for these inputs is a
UsageError here.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from parapply.columns.duplicates import check_single
from parapply.columns.type_names import name_of
from parapply.engine.inputs.sources import Inputs
from parapply.engine.resolve.ambiguities import check_function, check_options, check_outputs
from parapply.engine.resolve.output_format import make_target
from parapply.engine.resolve.request import Request
from parapply.execute.call import Call, Traits
from parapply.execute.callers.registry import CallerSpec, spec_of
from parapply.execute.identity import counterparts
from parapply.formats.api import Target
from parapply.formats.nouns import Field
from parapply.functions.expressions import Expression
from parapply.functions.load import Function, frame_kind
from parapply.functions.rows import no_column
from parapply.functions.used_columns import columns_used
from parapply.model.errors import UsageError
from parapply.model.job import Job, on_error
from parapply.model.outcome import ResultColumn
from parapply.model.records import record, replace
from parapply.storage.atomic.output import is_folder

CONCURRENCY = 100  # calls of an async function at once in each worker, unless it is said


def make_function(job: Job) -> Function | Expression:
    """Return the function or expression, checked as far as it can be without the input."""
    if job.expression is not None:
        expression = Expression(job.expression)
        expression.check()
        return expression
    assert job.function is not None
    function = Function(job.function, dict(job.arguments))
    function.find()
    return function


@record
class Order:
    """A job on given inputs: how the function is called, what is kept, how it is written."""

    call: Call
    keep: tuple[int, ...]  # the input's columns that stay in the output, in its order
    target: Target
    aside: Target | None  # how rows that failed are written, all of their columns

    def surveyed(self, columns: int) -> tuple[int, ...]:
        """The columns, of so many, whose types have to be known over the whole input."""
        kept = self.keep if self.target.reads_typed else ()
        if self.aside is not None and self.aside.reads_typed:
            kept = tuple(range(columns))
        return tuple(sorted({*self.call.read, *kept}))

    def default_columns(self, fields: Sequence[Field]) -> list[ResultColumn]:
        """Return the made columns of an output for which no function call made any."""
        call, given = self.call, counterparts(self.call, fields)
        if call.filter or call.traits.makes_table:
            return []
        if call.traits.by_column:
            names = call.into or tuple(fields[position].name for position in call.given)
        else:
            names = call.into or (call.name,)
        types = {name: name_of(call.types.get(name, "null")) for name in names}
        return [ResultColumn(name, type_, "", given.get(name, ())) for name, type_ in types.items()]


def describe(request: Request, function: Function | Expression, inputs: Inputs) -> Order:
    """Return what the job means for these inputs."""
    job = request.job
    columns = inputs.sources[0].columns
    target = make_target(
        job, inputs, job.output, job.output_format, job.compression, keeps_rows=_keeps_rows(job)
    )
    hidden, labelled = inputs.sources[0].hidden, target.labelled
    call = _call(request, function, columns, hidden, labelled=labelled, as_text=target.as_text)
    _check_results(job, call)
    aside = None if job.errors_to is None else make_target(job, inputs, job.errors_to)
    keep = tuple(place for place in kept_columns(job, columns) if place not in hidden)
    check_options(job, columns, keep)
    check_outputs(job, columns, keep, target, aside)
    return Order(call, (*keep, *(hidden if labelled else ())), target, aside)


def _call(
    request: Request,
    function: Function | Expression,
    columns: tuple[str, ...],
    hidden: Sequence[int],
    *,
    labelled: bool,
    as_text: bool,
) -> Call:
    job = request.job
    found = None if isinstance(function, Expression) else function.find()
    by = kind_of(job, function, found, columns)
    spec = spec_of(by)
    traits = spec.traits
    if traits.by_column and not job.columns:
        raise UsageError(f"--by {by} needs the columns whose values are given: -c COLUMN")
    every = (place for place in range(len(columns)) if place not in hidden)
    given = positions(job.columns, columns, "-c") or tuple(every)
    if traits.makes_table and labelled:
        given = (*given, *(place for place in hidden if place not in given))
    seen = tuple(columns[position] for position in given)
    if isinstance(function, Expression):
        used = function.columns(seen, by, spec.argument)
    else:
        used = columns_used(found, seen) if traits.takes_rows and found is not None else None
    check_function(job, by, traits, seen, used)
    caller, traits, concurrency = _caller(job, spec, function, found)
    whole = used is None or not traits.takes_rows
    return Call(
        caller=caller,
        traits=traits,
        name=function.name,
        given=given,
        read=given if whole else tuple(p for p in given if columns[p] in (used or ())),
        frame=(found and frame_kind(found)) or "pandas",
        dtype_backend=job.dtype_backend,
        expression=function if isinstance(function, Expression) else None,
        spread=found is not None and traits.takes_rows and bool(used),
        into=job.into,
        filter=job.filter,
        explode=job.explode,
        as_text=as_text,
        select=() if job.only else job.select,
        drop=job.drop,
        policy=request.policy,
        concurrency=concurrency,
        rate=job.rate,
        types=_types(job, columns),
    )


def _caller(
    job: Job, spec: CallerSpec, function: Function | Expression, found: Any
) -> tuple[str, Traits, int]:
    """Return what calls the function, its traits, and calls at once in a worker; 0: no async."""
    if not inspect.iscoroutinefunction(found):
        if job.concurrency is not None:
            raise UsageError(
                "--concurrency is for async functions; for others: --backend threads -j N"
            )
        return spec.path, spec.traits, 0
    if spec.awaited is None:
        raise UsageError(f"{function.name} is an async function: it is given rows or values")
    traits = replace(spec.traits, stealable=False, names_row=False)
    return spec.awaited, traits, CONCURRENCY if job.concurrency is None else job.concurrency


def _types(job: Job, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return what --dtype says of columns that the function makes."""
    asked = {name: text for name, text in job.dtypes.items() if name not in columns}
    if not asked:
        return {}
    from parapply.columns.dtypes import parse_type

    return {name: parse_type(name, text) for name, text in asked.items()}


def kind_of(job: Job, function: Any, found: Any, columns: tuple[str, ...]) -> str:
    """Return --by; "auto" goes by the function's annotation, or the names in an expression."""
    if job.by != "auto":
        return job.by
    if isinstance(function, Expression):
        return function.by(columns, bool(job.columns))
    return "value" if job.columns else "chunk" if frame_kind(found) else "row"


def _keeps_rows(job: Job) -> bool:
    """Whether each row of the input comes out once and in its place, in one file.

    Unless a chunk function gives other rows than it was given.
    """
    some = job.head is not None or job.sample is not None or on_error(job) == "skip"
    others = job.filter or job.explode
    return not (some or others or is_folder(job.output))


def positions(names: Sequence[str], columns: tuple[str, ...], option: str) -> tuple[int, ...]:
    """Return where the named columns are; raises UsageError for one that is not there."""
    for name in names:
        if name not in columns:
            raise UsageError(f"{option} {','.join(names)}: {no_column(name, columns)}")
    check_single(names, columns, f"{option} {','.join(names)}: ")
    return tuple(columns.index(name) for name in names)


def kept_columns(job: Job, columns: tuple[str, ...]) -> tuple[int, ...]:
    """Return the positions of the input's columns that stay in the output, in its order."""
    if job.only:
        return ()
    if job.select:
        return positions(job.select, columns, "--select")
    dropped = positions(job.drop, columns, "--drop")
    return tuple(place for place in range(len(columns)) if place not in dropped)


def check_types(call: Call, names: Sequence[str]) -> None:
    """Raise UsageError for a --dtype of a column that neither input nor output has."""
    for name, type_ in call.types.items():
        if name not in names:
            raise UsageError(f"--dtype {name}={type_}: {no_column(name, tuple(names))}")


def _check_results(job: Job, call: Call) -> None:
    if call.traits.by_column and len(call.given) > 1:
        if job.filter or job.explode:
            raise UsageError("--filter and --explode of values take one column: -c COLUMN")
        if job.into and len(job.into) != len(call.given):
            raise UsageError(
                f"--into {','.join(job.into)}: {len(job.into)} names "
                f"for {len(call.given)} columns of -c"
            )
    if call.traits.makes_table:
        if job.explode:
            raise UsageError("--explode is for row and value functions; return a longer DataFrame")
        if len(job.into) > 1:
            raise UsageError("--into takes one name with a chunk function; return a DataFrame")
