"""Every registered backend, with every start method where its workers are processes, opened."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from parapply.backends import registry as backends
from parapply.backends.api import PoolConfig
from tests.backends.tasks import nothing

METHODS = ["fork", "forkserver", "spawn"]
KINDS = [
    (name, method)
    for name in backends.BACKENDS
    for method in (METHODS if backends.has_processes(name) else [None])
]
POOLS = [kind for kind in KINDS if backends.has_processes(kind[0]) or backends.takes_turns(kind[0])]


def _each(kinds: list[tuple[str, str | None]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: "-".join(filter(None, kind)))


every_kind, every_pool = _each(KINDS), _each(POOLS)
every_method = pytest.mark.parametrize("method", METHODS)


def opened(kind, *, workers=2, start=nothing, **settings):
    name, method = kind
    return backends.load(name).open(PoolConfig(workers, start, method, **settings))


def processes(method, **settings):
    return opened(("processes", method), **settings)


def results(dones):
    return sorted(done.result for done in dones)


def children() -> set[int]:
    """Every child of this process that is or was a worker: not the helpers of multiprocessing."""
    return {child.pid for child in multiprocessing.active_children()}


def is_alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
