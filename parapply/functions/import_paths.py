"""A person's folders, from which their modules are imported, and what must never come from there.

In the parent and in workers. A folder beside which a function was named is searched last, so that
what the standard library or an installed package imports is never a person's file that happens to
have the same name; only what the person's own files ask for is looked for there first. The names of
the standard library (of all systems: it asks for some that others lack) and of what parapply is
made of are looked for elsewhere only: whatever has been imported serves everybody who asks.

Folders that were on `sys.path` before (a script's own, PYTHONPATH) are no affair of ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from types import FrameType
from typing import Any

_OURS = ("click", "dateutil", "numpy", "pandas", "parapply", "polars", "pyarrow", "six", "tqdm")
_TRIED = ("org",)  # by copy and pickle: Jython's
RESERVED = sys.stdlib_module_names.union(_OURS, _TRIED)

_LOADERS: tuple[Any, ...] = (
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)
# What these import by the name that a person gave is imported for the person.
_DEPUTIES = ("parapply.functions.find", "parapply.functions.expressions")
# They try what may be installed, and do without.
_TRIERS = ("click", "numpy", "pandas.compat._optional", "tqdm")
_folders: list[str] = []


def add(folder: str) -> None:
    """Have a person's modules be found in a folder from now on."""
    if folder in sys.path:
        return
    if _find_folder not in sys.path_hooks:
        sys.path_hooks.insert(0, _find_folder)
        at = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0
        sys.meta_path.insert(at, _AskedByOwn)
    if folder not in _folders:
        _folders.append(folder)
    sys.path_importer_cache.pop(folder, None)  # of somebody who looked into it
    sys.path.append(folder)


def folders() -> tuple[str, ...]:
    """Return those that are searched."""
    return tuple(folder for folder in _folders if folder in sys.path)


@contextmanager
def left_out() -> Iterator[None]:
    """While open, `sys.path` is without them: what is started then has nothing that guards it."""
    mine = folders()
    for folder in mine:
        sys.path.remove(folder)
    try:
        yield
    finally:
        sys.path.extend(mine)


def is_beside(name: str, folder: str) -> bool:
    """Whether there is a module in a folder that nobody gets, as its name is another's."""
    if name not in RESERVED:
        return False
    spec = FileFinder(folder, *_LOADERS).find_spec(name)
    return spec is not None and spec.loader is not None


def _find_folder(path: str) -> FileFinder:
    """Find modules in one of them: a hook of `sys.path_hooks`."""
    if path not in _folders:
        raise ImportError
    return _Folder(path, *_LOADERS)


class _Folder(FileFinder):
    def find_spec(self, fullname: str, target: Any = None) -> ModuleSpec | None:
        if fullname in RESERVED or _within(_asker(), _TRIERS):
            return None
        return super().find_spec(fullname, target)


class _AskedByOwn:
    """Finds what a person's own file asks for beside it: before what is installed."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the module's spec; None where somebody else asks, or it is not there."""
        if path is not None or name in RESERVED:
            return None
        asker = _asker()
        if asker is None:
            return None
        home = _home(asker.f_code.co_filename)
        if home not in _folders and not _within(asker, _DEPUTIES):
            return None
        spec = PathFinder.find_spec(name, sorted(folders(), key=lambda folder: folder != home))
        return spec if spec is not None and spec.loader is not None else None  # no bare folder


def _asker() -> FrameType | None:
    """Return the frame that imports: the first that is not of the import system, or of here."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _name(frame).partition(".")[0] in _MACHINERY:
        frame = frame.f_back
    return frame


_MACHINERY = ("_frozen_importlib", "_frozen_importlib_external", "importlib")


def _name(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return "importlib" if name == __name__ else str(name)


def _within(frame: FrameType | None, packages: tuple[str, ...]) -> bool:
    name = "" if frame is None else _name(frame)
    return any(name == package or name.startswith(package + ".") for package in packages)


def _home(file: str) -> str:
    """Return the entry of `sys.path` that a file belongs to: a folder may have others within."""
    homes = [
        entry for entry in sys.path if entry and file.startswith(entry.rstrip(os.sep) + os.sep)
    ]
    return max(homes, key=len, default="")
