"""From what a person types ("file.py:name", "package.module:Class.method") to a callable.

Runs in the parent, so that a wrong name is the first error and costs nothing, and again in each
worker that was not forked. Knows nothing of tables.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Any

from parapply.errors import FunctionError

# The first parameter's annotation, as (package, name), to the kind of frame it asks for.
_FRAMES = {
    ("pandas", "DataFrame"): "pandas",
    ("pyarrow", "Table"): "arrow",
    ("polars", "DataFrame"): "polars",
}
_SHORT = {"pd": "pandas", "pl": "polars", "pa": "pyarrow"}


@dataclass(frozen=True, slots=True)
class Function:
    """A user's function: a reference to load, or the callable itself, and its keyword arguments."""

    reference: str | Callable[..., Any]
    arguments: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What a column of its results is called."""
        if isinstance(self.reference, str):
            return self.reference.rpartition(":")[2].rpartition(".")[2]
        name = getattr(self.reference, "__name__", type(self.reference).__name__)
        return "result" if name == "<lambda>" else str(name)

    def find(self) -> Callable[..., Any]:
        """Return the callable as far as it can be known without making an instance of a class.

        For the parent: it may be inspected, not called. Raises FunctionError where it cannot be
        found, imported or called with one value.
        """
        target, owner = self._target()
        if owner is not None:  # a method: its first argument is the instance
            target = functools.partial(target, None)
        if inspect.isclass(target):
            check_arguments(target, (), self.arguments, self.name)
            return _check(functools.partial(_caller(target, self.name), None), {}, self.name)
        return _check(target, self.arguments, self.name)

    def load(self) -> Callable[[Any], Any]:
        """Return the callable, taking one value; a class is made and its instance returned."""
        return self.open()[0]

    def open(self) -> tuple[Callable[[Any], Any], Callable[[], None] | None]:
        """Return the callable as `load` does, and what is to be called at the end, if anything.

        The instance of a class is entered where it is a context manager, and its end is
        `__exit__`; else `close`, where it has such a method.
        """
        target, owner = self._target()
        if inspect.isclass(target):
            return self._make(target, self.arguments)
        if owner is None:
            return self._given(target), None
        instance, end = self._make(owner, {})
        return self._given(getattr(instance, target.__name__)), end

    @property
    def ends(self) -> bool:
        """Whether there is something to be called at the end."""
        target, owner = self._target()
        kind = target if inspect.isclass(target) else owner
        return any(hasattr(kind, name) for name in ("__exit__", "close", "aclose"))

    def _given(self, target: Callable[..., Any]) -> Callable[[Any], Any]:
        return functools.partial(target, **self.arguments) if self.arguments else target

    def _target(self) -> tuple[Any, type | None]:
        """The object that is named, and the class to make where it is a method of one."""
        if not isinstance(self.reference, str):
            return self.reference, None
        return find(self.reference)

    @staticmethod
    def _make(kind: type, arguments: Mapping[str, Any]) -> tuple[Any, Callable[[], None] | None]:
        try:
            instance = kind(**arguments)
            if not (hasattr(kind, "__enter__") and hasattr(kind, "__exit__")):
                end = getattr(instance, "close", None) or getattr(instance, "aclose", None)
                return instance, end if callable(end) else None
            entered = instance.__enter__()
        except Exception as error:
            message = f"{kind.__name__}(...) raised {type(error).__name__}: {error}"
            raise FunctionError(message, user_traceback(error)) from error
        end = functools.partial(instance.__exit__, None, None, None)
        return instance if entered is None else entered, end


def is_reference(text: str) -> bool:
    """Whether `text` looks like FUNCTION rather than like a file to read."""
    place, colon, name = text.rpartition(":")
    return bool(colon and place and name.replace(".", "").isidentifier())


def frame_kind(function: Callable[..., Any]) -> str | None:
    """Return pandas, arrow or polars where the first parameter is annotated so, else None."""
    parameter = first_parameter(function)
    annotation = None if parameter is None else parameter.annotation
    if isinstance(annotation, str):  # from __future__ import annotations
        return _frame_named(annotation)
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        package = str(getattr(kind, "__module__", "")).partition(".")[0]
        if found := _FRAMES.get((package, getattr(kind, "__name__", ""))):
            return found
    return None


def _frame_named(annotation: str) -> str | None:
    """Tell a frame by its name as written: its package may be imported for type checkers only."""
    for package, name in re.findall(r"(?:(\w+)\.)?(DataFrame|Table)\b", annotation):
        usual = "pyarrow" if name == "Table" else "pandas"
        found = _FRAMES.get((_SHORT.get(package, package or usual), name))
        if found:
            return found
    return None


def first_parameter(function: Callable[..., Any]) -> inspect.Parameter | None:
    """Return the parameter that is given the row, value or chunk, where it can be known."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    return parameters[0] if parameters else None


def user_traceback(error: BaseException) -> str:
    """Format `error` with the user's own frames only: none of parapply's or the import system's."""
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append((trace.tb_frame.f_code, trace.tb_lasti))
        trace = trace.tb_next
    key = tuple(places[-_SHOWN:])
    if key not in _formatted:  # many rows fail at one place: its lines are looked up once
        if len(_formatted) >= _KEPT:
            _formatted.clear()
        _formatted[key] = _format_frames(error.__traceback__)
    text = _formatted[key] + "".join(traceback.format_exception_only(error)).rstrip()
    return text.encode(errors="backslashreplace").decode()


_SHOWN = 60  # frames: of an endless recursion the last ones tell enough
_KEPT = 100
_formatted: dict[tuple[tuple[CodeType, int], ...], str] = {}


def _format_frames(trace: TracebackType | None) -> str:
    ours = str(Path(__file__).parents[1])
    machinery = str(Path(importlib.__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(trace, limit=-_SHOWN)
        if not frame.filename.startswith((ours, machinery, "<frozen importlib"))
    ]
    lines = "".join(traceback.format_list(frames))
    return f"Traceback (most recent call last):\n{lines}" if frames else ""


def _caller(kind: type, name: str) -> Callable[..., Any]:
    for base in kind.__mro__[:-1]:
        if "__call__" in vars(base):
            return vars(base)["__call__"]  # type: ignore[no-any-return]
    raise FunctionError(
        f"{name} is a class without __call__; give it one, or name a method: ...:{name}.METHOD"
    )


def find(reference: str) -> tuple[Any, type | None]:
    """Return what is named, and the class to make where it is a method of one.

    Raises FunctionError where it cannot be found or imported.
    """
    place, _, path = reference.rpartition(":")
    if not (place and path):
        raise FunctionError(_without_name(reference))
    is_file = place.endswith(".py") or "/" in place
    module = _import_file(Path(place)) if is_file else _import_module(place)
    return _attribute(module, path, reference)


def _without_name(reference: str) -> str:
    reference = reference.rstrip(":")
    if reference.endswith(".py") and Path(reference).is_file():
        names = ", ".join(_defined(_import_file(Path(reference)))) or "no function"
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


def _import_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise FunctionError(f"{path}: no such file")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # as for `python file.py`: it imports its neighbours
    loaded = sys.modules.get(path.stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    if loaded is None:
        return _guard(lambda: importlib.import_module(path.stem), str(path))
    # A file called like a module that is already there (math.py, csv.py) must not replace it.
    name = f"_parapply_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    return _guard(lambda: _import_as(name, path), str(path))


def _import_as(name: str, path: Path) -> ModuleType:
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
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    return _guard(lambda: importlib.import_module(name), name)


def _guard(load: Callable[[], ModuleType], what: str) -> ModuleType:
    """Translate whatever the user's module raises as it is imported."""
    try:
        return load()
    except ModuleNotFoundError as error:
        if error.name is not None and (what == error.name or what.startswith(error.name + ".")):
            raise FunctionError(f"no module {error.name!r} in {Path.cwd()} or installed") from error
        raise FunctionError(f"{what}: {error}", user_traceback(error)) from error
    except SystemExit as error:
        message = f"{what}: ended itself on import (put `if __name__ == '__main__':` before main)"
        raise FunctionError(message) from error
    except Exception as error:
        where = error.lineno if isinstance(error, SyntaxError) else None
        line = f" (line {where})" if where else ""
        message = f"{what}: {type(error).__name__}: {getattr(error, 'msg', error)}{line}"
        raise FunctionError(message, user_traceback(error)) from error


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


def _check(target: Any, arguments: Mapping[str, Any], name: str) -> Callable[..., Any]:
    if not callable(target):
        raise FunctionError(f"{name} is not a function: it is a {type(target).__name__}")
    check_arguments(target, (None,), arguments, name)
    return functools.partial(target, **arguments) if arguments else target


def check_arguments(
    target: Any, given: tuple[Any, ...], arguments: Mapping[str, Any], name: str
) -> None:
    """Raise FunctionError where it cannot be called with these arguments."""
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):  # some functions written in C do not tell
        return
    try:
        signature.bind(*given, **arguments)
    except TypeError as error:
        what = ("", " with one value", " with two values")[len(given)]
        extra = (" and " if what else " with ") + ", ".join(arguments) if arguments else ""
        raise FunctionError(f"{name}{signature} cannot be called{what}{extra}: {error}") from None
