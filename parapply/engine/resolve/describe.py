"""What a job means for its inputs: how the function is called, what is kept and how it is written.

Runs in the parent, before a row is read. What is wrong with the options for these inputs is a
UsageError here.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from parapply.columns.type_names import name_of
from parapply.engine.inputs.sources import Inputs
from parapply.engine.resolve.ambiguities import check_function, check_options, check_outputs
from parapply.engine.resolve.function import columns_read, frame_of, kind_of
from parapply.engine.resolve.grouping import grouping_of, is_each
from parapply.engine.resolve.named import kept_columns, positions
from parapply.engine.resolve.output_format import make_target
from parapply.engine.resolve.request import Request
from parapply.execute.call import Call, Traits
from parapply.execute.callers.registry import CallerSpec, spec_of
from parapply.execute.identity import counterparts
from parapply.formats.api import Target
from parapply.formats.nouns import Field
from parapply.functions.expressions import Expression
from parapply.functions.load import Function
from parapply.functions.rows import no_column
from parapply.model.errors import UsageError
from parapply.model.job import Job, on_error
from parapply.model.outcome import ResultColumn
from parapply.model.records import record, replace
from parapply.storage.atomic.output import is_folder

CONCURRENCY = 100  # calls of an async function at once in each worker, unless it is said


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
        if call.filter or (call.traits.makes_table and not call.traits.groups):
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
    if job.reduce is not None:
        keep: tuple[int, ...] = ()
    elif call.grouping is not None and not is_each(job):
        keep = call.grouping.kept
    else:
        keep = tuple(place for place in kept_columns(job, columns) if place not in hidden)
    check_options(job, columns, keep)
    check_outputs(job, columns, keep, target, aside)
    labels = hidden if labelled and (call.grouping is None or is_each(job)) else ()
    return Order(call, (*keep, *labels), target, aside)


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
    if traits.makes_table and labelled and not traits.groups:
        given = (*given, *(place for place in hidden if place not in given))
    seen = tuple(columns[position] for position in given)
    grouping = grouping_of(job, columns) if traits.groups else None
    frame = frame_of(traits, function, found, seen)
    used = columns_read(spec, by, function, found, seen, frame)
    check_function(job, by, traits, seen, used)
    caller, traits, concurrency = _caller(job, spec, function, found)
    read = given if used is None else tuple(p for p in given if columns[p] in used)
    if grouping is not None:
        read = tuple(sorted({*read, *grouping.keys, *(p for p, _ in grouping.sort_by)}))
    return Call(
        caller=caller,
        traits=traits,
        name=function.name,
        given=given,
        read=read,
        frame=frame,
        grouping=grouping,
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
        if job.reduce is not None:
            return spec.raw or spec.path, replace(spec.traits, divisible=False), 0
        each = spec.each if is_each(job) else None
        return each or spec.path, spec.traits, 0
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


def _keeps_rows(job: Job) -> bool:
    """Whether each row of the input comes out once and in its place, in one file.

    Unless a chunk function gives other rows than it was given.
    """
    some = job.head is not None or job.sample is not None or on_error(job) == "skip"
    others = job.filter or job.explode or job.drop_missing_keys
    others = others or bool(job.group_by and not job.each)
    return not (some or others or is_folder(job.output))


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
    if call.traits.makes_table and not call.traits.groups:
        if job.explode:
            raise UsageError("--explode is for row and value functions; return a longer DataFrame")
        if len(job.into) > 1:
            raise UsageError("--into takes one name with a chunk function; return a DataFrame")
