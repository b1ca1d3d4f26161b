"""Results that are kept as they are: whatever pickles, a file each. In workers."""

from __future__ import annotations

import pickle
from typing import Any

from parapply.model.errors import ResultError
from parapply.storage.private import Naming, create, reopen


def keep(path: str, value: Any, what: str) -> None:
    """Write a result; raises ResultError where it cannot be."""
    try:
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise ResultError(f"what {what} returned cannot be pickled: {error}") from error
    with Naming(path), create(path) as file:
        file.write(data)


def kept(path: str) -> Any:
    """Return a result that was written."""
    with Naming(path), reopen(path) as file:
        return pickle.load(file)
