"""Which ways to call the function there are: a row of a table each, by the name in `--by`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from parapply.execute.call import Call, Traits
from parapply.model.errors import UsageError
from parapply.model.records import record

if TYPE_CHECKING:
    from parapply.execute.callers.api import Caller, ChunkRun


@record
class CallerSpec:
    """A way to call the function."""

    path: str  # module:Class, a Caller
    traits: Traits
    awaited: str | None = None  # the same of an async function; None: it cannot be one
    raw: str | None = None  # the same where results are kept as they are
    each: str | None = None  # of groups whose rows each have a result
    argument: str = "row"  # what an expression calls that which it is given
    preload: str | None = None  # module:function(call), before workers are forked


_ROWS, _AWAITED = "parapply.execute.callers.rows", "parapply.execute.callers.asynchronous"
_RAW = "parapply.execute.callers.raw"
_FRAMES = "parapply.execute.callers.frames"

CALLERS = {
    "row": CallerSpec(
        f"{_ROWS}:RowCaller",
        Traits(takes_rows=True),
        f"{_AWAITED}:AsyncRowCaller",
        raw=f"{_RAW}:RawRowCaller",
    ),
    "value": CallerSpec(
        "parapply.execute.callers.values:ValueCaller",
        Traits(by_column=True),
        f"{_AWAITED}:AsyncValueCaller",
        raw=f"{_RAW}:RawValueCaller",
        argument="value",
    ),
    "chunk": CallerSpec(
        f"{_FRAMES}:FrameCaller",
        Traits(
            cuttable=False,
            stealable=False,
            names_row=False,
            wants_large=True,
            makes_table=True,
            reads_arrays=True,
        ),
        raw=f"{_RAW}:RawFrameCaller",
        argument="df",
        preload=f"{_FRAMES}:preload",
    ),
    "group": CallerSpec(
        "parapply.execute.callers.groups:GroupCaller",
        Traits(
            stealable=False,
            wants_large=True,
            makes_table=True,
            divisible=False,
            groups=True,
            reads_arrays=True,
        ),
        each="parapply.execute.callers.group_rows:EachCaller",
        argument="df",
        preload=f"{_FRAMES}:preload",
    ),
}
REDUCED = CallerSpec("parapply.execute.callers.reduced:ReducedCaller", Traits(stealable=False))
LOOKUPS = CallerSpec("parapply.execute.callers.lookups:LookupCaller", Traits(stealable=False))


def spec_of(by: str) -> CallerSpec:
    """Return the way of that name; raises UsageError for one that there is not."""
    if by not in CALLERS:
        raise UsageError(f"--by {by}: there are: {', '.join(('auto', *CALLERS))}")
    return CALLERS[by]


def caller_of(run: ChunkRun) -> Caller:
    """Return what calls the function for a chunk, in its worker."""
    caller: Caller = _found(run.call.caller)(run)
    return caller


def preload(call: Call) -> None:
    """Import what the calls need, in the parent: workers that are forked share it."""
    _found(call.caller)
    for spec in CALLERS.values():
        if spec.preload is not None and call.caller in (
            spec.path,
            spec.awaited,
            spec.each,
            spec.raw,
        ):
            _found(spec.preload)(call)


def _found(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
