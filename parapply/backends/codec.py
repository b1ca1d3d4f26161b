"""How items, results and exceptions cross between processes. Runs on both sides."""

from __future__ import annotations

import pickle
import traceback
from functools import lru_cache
from typing import Any

from parapply.backends.limits import leave_exhausted
from parapply.backends.worker_loop import Codec
from parapply.model.errors import WorkerError


def pack(thing: object) -> bytes:
    """Pickle an item or a result; raises WorkerError when that fails."""
    try:
        return pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        raise
    except Exception as error:
        kind = type(thing).__name__
        raise WorkerError(f"a {kind} cannot be sent between processes: {error}") from error


def unpack(packed: bytes) -> Any:
    """Undo `pack`; raises WorkerError when that fails."""
    try:
        return pickle.loads(packed)
    except MemoryError:
        raise
    except Exception as error:
        raise WorkerError(f"what was sent between processes cannot be read: {error}") from error


recall = lru_cache(maxsize=8)(unpack)


def pack_error(error: BaseException) -> bytes:
    """Pickle an exception, or a WorkerError that describes it where it would not come back."""
    if isinstance(error, MemoryError):
        leave_exhausted()  # what fills the worker would be there for the next item, too
    try:
        error.add_note(f"In a worker:\n{''.join(traceback.format_exception(error))}")
        packed = pickle.dumps(error)
        if isinstance(pickle.loads(packed), BaseException):  # python/cpython#79492: may well fail
            return packed
    except BaseException:  # noqa: BLE001  code of the exception's own class: anything may come
        pass
    return pickle.dumps(WorkerError(_describe(error)))


def _describe(error: BaseException) -> str:
    try:
        return repr(error)
    except BaseException:  # noqa: BLE001  as above
        return type(error).__name__


WIRE = Codec(pack, unpack, recall, pack_error)
