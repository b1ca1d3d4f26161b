"""From what a person types ("file.py:name", "package.module:Class.method") to a callable.

Runs in the parent, so that a wrong name is the first error and costs nothing, and again in each
worker that was not forked. Knows nothing of tables.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from parapply.functions.find import find
from parapply.functions.tracebacks import user_traceback
from parapply.model.errors import FunctionError
from parapply.model.records import record

# The first parameter's annotation, as (package, name), to the kind of frame it asks for.
_FRAMES = {
    ("pandas", "DataFrame"): "pandas",
    ("pyarrow", "Table"): "arrow",
    ("polars", "DataFrame"): "polars",
    ("parapply", "Group"): "lists",
}
_SHORT = {"pd": "pandas", "pl": "polars", "pa": "pyarrow"}


@record
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


def frame_kind(function: Callable[..., Any]) -> str | None:
    """Return pandas, arrow, polars or lists (a Group) where the parameter is annotated so."""
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
    for package, name in re.findall(r"(?:(\w+)\.)?(DataFrame|Table|Group)\b", annotation):
        usual = {"Table": "pyarrow", "Group": "parapply"}.get(name, "pandas")
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


def _caller(kind: type, name: str) -> Callable[..., Any]:
    for base in kind.__mro__[:-1]:
        if "__call__" in vars(base):
            return vars(base)["__call__"]  # type: ignore[no-any-return]
    raise FunctionError(
        f"{name} is a class without __call__; give it one, or name a method: ...:{name}.METHOD"
    )


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
