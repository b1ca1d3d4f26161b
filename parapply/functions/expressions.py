"""`-e EXPR`: a Python expression over column names, compiled into one loop without a call a row.

What a name means, in this order: `value` with -c; a column; `row`, `value`, `df`; a builtin; a
module (`np` is numpy, `pd` pandas). A name that is called is never a column, so that `min(a, b)`
works in a table that has a column called min.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from parapply.functions.rows import no_column
from parapply.model.errors import FunctionError
from parapply.model.records import record

_SHORT = {"np": "numpy", "pd": "pandas", "pa": "pyarrow", "pl": "polars", "dt": "datetime"}


@record
class Expression:
    """A parsed expression; `text` is what the person wrote."""

    text: str

    name = "result"

    def check(self) -> None:
        """Raise FunctionError where the text is not a Python expression."""
        self._tree()

    def by(self, columns: tuple[str, ...], with_value: bool) -> str:
        """Say what the expression is given: "value", "chunk" or "row"."""
        if with_value:
            return "value"
        names = self._names() - set(columns)
        if "value" in names:
            raise FunctionError("`value` stands for the value of a column: name it with -c COLUMN")
        return "chunk" if "df" in names else "row"

    def columns(self, columns: tuple[str, ...], by: str, special: str) -> tuple[str, ...] | None:
        """Return the columns it names, in the table's order, or None where it may need all.

        `special` is what it calls that which it is given, with --by `by`. Raises FunctionError
        for a name that is no column, builtin or module.
        """
        names, used = self._names(), set(self.named(columns))
        if special != "row" and (others := used - {special}):
            raise FunctionError(
                f"-e {self.text!r}: {sorted(others)[0]!r} is a column, but with --by {by} "
                f"there is only `{special}`"
            )
        used -= {special} if special != "row" else set()
        for name in sorted(names - used - {special}):
            if not hasattr(builtins, name) and not _module_exists(name):
                raise FunctionError(f"-e {self.text!r}: {no_column(name, columns)}")
        if special != "row" or self.uses_row(columns):
            return None
        return tuple(name for name in dict.fromkeys(columns) if name in used)

    def absent(self, columns: tuple[str, ...]) -> str | None:
        """Return which of `row` and `value` it names, that groups do not have; None for neither."""
        names = self._names() - set(columns)
        return next((name for name in ("row", "value") if name in names), None)

    def uses_row(self, columns: tuple[str, ...]) -> bool:
        """Whether `row` in it means the whole row."""
        return "row" in self._names() and "row" not in columns

    def named(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns whose names stand in it, in the table's order."""
        names = self._names() - self._called()
        return tuple(name for name in dict.fromkeys(columns) if name in names)

    def function(self, name: str = "df") -> Callable[[Any], Any]:
        """Return the expression as a function of one argument, called `name` in it."""
        tree = self._wrap(f"lambda {name}: 0")
        function: Callable[[Any], Any] = eval(
            compile(tree, "<expression>", "eval"), self._space({name})
        )
        return function

    def loop(self, names: tuple[str, ...]) -> Callable[..., None]:
        """Return `loop(append, *lists)`: appends the expression's value for each row.

        `names` are the variables that the lists give values to.
        """
        safe = ", ".join(names) if names else "_"
        source = f"def loop(append, rows):\n for {safe}{',' if len(names) == 1 else ''} in rows:\n"
        tree = ast.parse(source + "  append(0)")
        call: Any = tree.body[0].body[0].body[0].value  # type: ignore[attr-defined]
        call.args[0] = self._tree().body
        space = self._space(set(names))
        exec(compile(ast.fix_missing_locations(tree), "<expression>", "exec"), space)
        loop: Callable[..., None] = space["loop"]
        return loop

    def _tree(self) -> ast.Expression:
        try:
            return ast.parse(self.text.strip(), "<expression>", mode="eval")
        except (SyntaxError, ValueError) as error:
            where = f" at column {error.offset}" if isinstance(error, SyntaxError) else ""
            reason = getattr(error, "msg", str(error))
            raise FunctionError(
                f"-e {self.text!r} is not a Python expression: {reason}{where}"
            ) from None

    def _wrap(self, template: str) -> ast.Expression:
        tree = ast.parse(template, mode="eval")
        tree.body.body = self._tree().body  # type: ignore[attr-defined]
        return ast.fix_missing_locations(tree)

    def _names(self) -> set[str]:
        loaded: set[str] = set()
        bound: set[str] = set()
        for node in ast.walk(self._tree()):
            if isinstance(node, ast.Name):
                (loaded if isinstance(node.ctx, ast.Load) else bound).add(node.id)
            elif isinstance(node, ast.arg):
                bound.add(node.arg)
        return loaded - bound

    def _called(self) -> set[str]:
        """The names that stand where a function is called and nowhere else, and can be called."""
        nodes = [node for node in ast.walk(self._tree()) if isinstance(node, ast.Call)]
        called = [node.func.id for node in nodes if isinstance(node.func, ast.Name)]
        every = [node.id for node in ast.walk(self._tree()) if isinstance(node, ast.Name)]
        return {
            name
            for name in called
            if hasattr(builtins, name) and called.count(name) == every.count(name)
        }

    def _space(self, given: set[str]) -> dict[str, Any]:
        space: dict[str, Any] = {}
        for name in sorted(self._names() - given):
            if not hasattr(builtins, name):
                space[name] = importlib.import_module(_SHORT.get(name, name))
        return space


def _module_exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(_SHORT.get(name, name)) is not None
    except (ImportError, ValueError):
        return False
