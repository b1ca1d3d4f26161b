"""The functions beside FUNCTION: of --init, --share and --on-message. In the parent and in workers.

Each is a reference such as "file.py:name", or a callable where the job comes from Python.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from parapply.functions.find import find
from parapply.functions.load import check_arguments
from parapply.functions.tracebacks import user_traceback
from parapply.model.errors import FunctionError, RowError
from parapply.model.records import record


@record
class Hook:
    """A function that is given with an option; it is called with `count` values."""

    option: str
    reference: str | Callable[..., Any]
    count: int = 0

    @property
    def name(self) -> str:
        """What messages call it."""
        named = getattr(self.reference, "__qualname__", type(self.reference).__name__)
        text = self.reference if isinstance(self.reference, str) else named
        return f"{self.option}{text}" if self.option.endswith("=") else f"{self.option} {text}"

    def check(self) -> None:
        """Raise FunctionError where it cannot be found, imported or called so; it is not called."""
        target = self._target()
        if not callable(target):
            raise FunctionError(f"{self.name} is not a function: it is a {type(target).__name__}")
        if not inspect.isclass(target):
            check_arguments(target, (None,) * self.count, {}, self.name)

    def load(self) -> Callable[..., Any]:
        """Return the callable; a class is made, and its instance returned, to be given values."""
        target = self._target()
        made: Any = self.guard(target) if inspect.isclass(target) and self.count else target
        return made  # type: ignore[no-any-return]

    def call(self, *values: Any) -> Any:
        """Load and call it; raises what `guard` raises."""
        return self.guard(self.load(), *values)

    def guard(self, function: Callable[..., Any], *values: Any) -> Any:
        """Call a function of it; raises RowError, which names it, where it raises an Exception."""
        try:
            return function(*values)
        except Exception as error:
            raise raised(self.name, error) from error

    def _target(self) -> Any:
        if not isinstance(self.reference, str):
            return self.reference
        try:
            target, owner = find(self.reference)
        except FunctionError as error:
            option = self.name.removesuffix(self.reference)
            error.args = (f"{option}{error}", *error.args[1:])
            raise
        if owner is not None:
            raise FunctionError(f"{self.name} is a method: name a function or a class")
        return target


def raised(what: str, error: Exception) -> RowError:
    """Return the error that says what the user's code raised, and where."""
    text = f": {error}" if str(error) else ""
    message = f"{what} raised {type(error).__name__}{text}"
    return RowError(" ".join(message.split()), user_traceback(error))
