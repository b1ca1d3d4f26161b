"""From a reference ("file.py:name", "package.module:Class.method") to what it names.

The module is imported, as `python file.py` or `python -m package.module` would find it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import zlib
from collections.abc import Callable
from importlib.machinery import PathFinder
from types import FunctionType, ModuleType
from typing import Any

from parapply.functions import import_paths
from parapply.functions.tracebacks import user_traceback
from parapply.model.deferred_imports import importing
from parapply.model.errors import FunctionError


def is_reference(text: str) -> bool:
    """Whether `text` looks like FUNCTION rather than like a file to read."""
    place, colon, name = text.rpartition(":")
    return bool(colon and place and name.replace(".", "").isidentifier())


def find(reference: str) -> tuple[Any, type | None]:
    """Return what is named, and the class to make where it is a method of one.

    Raises FunctionError where it cannot be found or imported.
    """
    place, _, path = reference.rpartition(":")
    if not (place and path):
        raise FunctionError(_without_name(reference))
    is_file = place.endswith(".py") or "/" in place
    module = _import_file(place) if is_file else _import_module(place)
    return _attribute(module, path, reference)


def _without_name(reference: str) -> str:
    reference = reference.rstrip(":")
    if reference.endswith(".py") and os.path.isfile(reference):
        names = ", ".join(_defined(_import_file(reference))) or "no function"
        return f"{reference}: name a function in it, as {reference}:NAME (it has {names})"
    return (
        f"{reference!r} does not name a function: write file.py:NAME or package.module:NAME, "
        "or give an expression with -e"
    )


def _defined(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]


def _import_file(place: str) -> ModuleType:
    path = os.path.realpath(place)
    if not os.path.isfile(path):
        raise FunctionError(f"{path}: no such file")
    import_paths.add(os.path.dirname(path))  # as for `python file.py`: it imports them
    stem = os.path.splitext(os.path.basename(path))[0]
    loaded = sys.modules.get(stem)
    if loaded is not None and getattr(loaded, "__file__", None) == path:
        return loaded
    if loaded is None and stem not in import_paths.RESERVED:
        return _guard(lambda: _import_as(stem, path), path)
    # A file called like a module that others want (math.py) or that is there (another's f.py) must
    # not replace it. Its name is the same in all workers, so that what it defines can be pickled.
    name = f"_parapply_{stem}_{zlib.crc32(os.fsencode(path)):08x}"
    if name in sys.modules:
        return sys.modules[name]
    return _guard(lambda: _import_as(name, path), path)


def _import_as(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FunctionError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs, so that its classes pickle
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_module(name: str) -> ModuleType:
    if "" not in sys.path and _is_here(name.partition(".")[0]):
        import_paths.add(os.getcwd())
    return _guard(lambda: importlib.import_module(name), name)


def _is_here(package: str) -> bool:
    """Whether the working folder has what was named; if not, nothing is looked for there."""
    if package in import_paths.RESERVED:
        return False
    return PathFinder.find_spec(package, [os.getcwd()]) is not None


def _guard(load: Callable[[], ModuleType], what: str) -> ModuleType:
    """Translate whatever the user's module raises as it is imported."""
    try:
        with importing():
            return load()
    except ModuleNotFoundError as error:
        if error.name is not None and (what == error.name or what.startswith(error.name + ".")):
            raise FunctionError(
                f"no module {error.name!r} in {os.getcwd()} or installed"
            ) from error
        raise FunctionError(f"{what}: {error}{_hidden(error)}", user_traceback(error)) from error
    except SystemExit as error:
        message = f"{what}: ended itself on import (put `if __name__ == '__main__':` before main)"
        raise FunctionError(message) from error
    except Exception as error:
        where = error.lineno if isinstance(error, SyntaxError) else None
        line = f" (line {where})" if where else ""
        said = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
        message = f"{what}: {said}{line}{_hidden(error)}"
        raise FunctionError(message, user_traceback(error)) from error


def _hidden(error: Exception) -> str:
    """Say it where the person's own module of that name is never imported."""
    named = getattr(error, "name", None) if isinstance(error, ImportError) else None
    name = (named or "").partition(".")[0]
    folder = next(
        (one for one in import_paths.folders() if import_paths.is_beside(name, one)), None
    )
    if folder is None:
        return ""
    return f" ({name} in {folder} is not imported, as others need that name: give it another)"


def _attribute(module: ModuleType, path: str, reference: str) -> tuple[Any, type | None]:
    target, owner = module, None
    for name in path.split("."):
        holder: Any = target
        try:
            target = getattr(holder, name)
        except AttributeError:
            raise FunctionError(_no_attribute(holder, name, reference)) from None
        static = inspect.getattr_static(holder, name, None)
        owner = holder if inspect.isclass(holder) and isinstance(static, FunctionType) else None
    return target, owner


def _no_attribute(holder: Any, name: str, reference: str) -> str:
    is_module = isinstance(holder, ModuleType)
    known = _defined(holder) if is_module else [n for n in dir(holder) if not n.startswith("_")]
    listed = f"; there are: {', '.join(known[:12])}" if known else ""
    return f"{reference}: there is no {name!r} in {getattr(holder, '__name__', holder)}{listed}"
