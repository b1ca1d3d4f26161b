"""Modules that are imported when something of them is first used: numpy, pyarrow and more.

To import them takes as long as everything else that a run on a few rows does, and that run may do
without: see formats/csv/small. What has them anyway (other formats) imports them as usual.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import decimal
    import json

    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as compute
    import pyarrow.csv as pacsv
    import pyarrow.types as at

    Array = np.ndarray[Any, Any]

    def lazy(name: str) -> ModuleType:
        """Return what looks like a module, and is imported when something of it is asked for."""
else:

    class _Lazy(ModuleType):
        """Looks like a module; what was asked for once is in it, and costs nothing any more."""

        def __getattr__(self, name):
            value = getattr(_import(self.__name__), name)
            setattr(self, name, value)
            return value

    def _import(name):
        with importing():
            try:
                return importlib.import_module(name)
            except ImportError:
                if "._" not in name:
                    raise
            # It is not public, and may move.
            return importlib.import_module(name.replace("._", "."))

    lazy = _Lazy
    decimal, json = lazy("decimal"), lazy("json")
    np, pa = lazy("numpy"), lazy("pyarrow")
    pacsv, at = lazy("pyarrow.csv"), lazy("pyarrow.types")
    compute = lazy("pyarrow._compute")
    Array = Any


# Objects that are new before garbage is looked for, 700 at other times: as nobody else would say.
_MANY = 200_003


@contextmanager
def importing() -> Iterator[None]:
    """Import, and collect garbage but seldom meanwhile: what comes with an import stays.

    To look through all of it time and again takes a fifth of the time of `import pandas`.
    """
    usual = gc.get_threshold()
    rare = max(_MANY, usual[0]) if usual[0] else 0, *usual[1:]  # 0: somebody wants none
    gc.set_threshold(*rare)
    try:
        yield
    finally:
        if gc.get_threshold() == rare:  # else a module that was imported has set its own
            gc.set_threshold(*usual)


__all__ = [
    "Array",
    "at",
    "compute",
    "decimal",
    "has_arrow",
    "importing",
    "json",
    "lazy",
    "load_arrow",
    "np",
    "pa",
    "pacsv",
]


def load_arrow() -> None:
    """Import it now: before workers are forked, which would each do it."""
    _ = decimal.Decimal, pa.lib, compute.call_function, pacsv.read_csv


def has_arrow() -> bool:
    """Whether somebody has imported it."""
    return "pyarrow" in sys.modules
