"""The workers that a job asks for: how many, how they start and end, what each may take."""

from __future__ import annotations

from parapply.backends import cores
from parapply.backends.api import LEAVE_S, PoolConfig
from parapply.backends.limits import Limits
from parapply.engine.run_services import RunServices
from parapply.execute.start import Start, leave
from parapply.functions.expressions import Expression
from parapply.functions.load import Function
from parapply.model.records import record

_CLOSE_S = 60.0  # for close() of the user's class, in each worker at the end


@record
class PoolOptions:
    """What a person says of the workers."""

    workers: int
    start_method: str | None
    tasks: int | None  # after how many a worker is replaced
    memory_bytes: int | None  # for each worker


def pool_config(
    options: PoolOptions, function: Function | Expression, services: RunServices, size_bytes: int
) -> PoolConfig:
    """Return what a backend needs to start workers, for inputs of so many bytes.

    A small file has no more of them than records, at eight bytes a record.
    """
    workers = max(1, min(options.workers, size_bytes // 8))
    plain = None if isinstance(function, Expression) else function
    start = Start(plain, services.place(workers), services.init)
    patience_s = _CLOSE_S if plain is not None and plain.ends else LEAVE_S
    limits = Limits(options.memory_bytes, cores.share(workers))
    return PoolConfig(
        workers, start, options.start_method, options.tasks, limits, leave, patience_s,
        services.before_fork,
    )  # fmt: skip
