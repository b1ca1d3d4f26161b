"""The workers that a job asks for: how many, how they start and end, what each may take."""

from __future__ import annotations

from parapply.backends import cores
from parapply.backends.api import LEAVE_S, PoolConfig
from parapply.backends.limits import Limits
from parapply.engine.run_services import RunServices
from parapply.execute.start import Start, leave
from parapply.functions.expressions import Expression
from parapply.functions.load import Function
from parapply.model import quantities
from parapply.model.job import Job

_CLOSE_S = 60.0  # for close() of the user's class, in each worker at the end


def pool_config(
    job: Job, function: Function | Expression, services: RunServices, workers: int, size_bytes: int
) -> PoolConfig:
    """Return what a backend needs to start up to `workers`.

    A small file has no more of them than records, at eight bytes a record.
    """
    workers = max(1, min(workers, size_bytes // 8))
    plain = None if isinstance(function, Expression) else function
    start = Start(plain, services.place(workers), services.init)
    patience_s = _CLOSE_S if plain is not None and plain.ends else LEAVE_S
    wish = job.memory_limit
    memory = None if wish is None else quantities.size("--memory-limit", wish)
    limits = Limits(memory, cores.share(workers))
    most = job.max_tasks_per_worker
    return PoolConfig(
        workers, start, job.start_method, most, limits, leave, patience_s, services.before_fork
    )
