"""Whether a function's results depend on where a table is cut: told from the names in its code.

A chunk function that groups, sorts or accumulates does that within each chunk.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

from parapply.functions.expressions import Expression

_WHOLE = frozenset(
    (
        "groupby", "group_by", "rolling", "expanding", "ewm", "cumsum", "cumprod", "cummax",
        "cummin", "shift", "diff", "rank", "drop_duplicates", "duplicated", "sort_values",
        "cum_sum", "over", "sort_by",
    )
)  # fmt: skip


def whole_table_names(function: Any) -> tuple[str, ...]:
    """Return which methods it names that go by the rows around each row, in order.

    `function` is a function or an Expression; of what is not written in Python nothing is known.
    """
    if isinstance(function, Expression):
        tree = ast.parse(function.text.strip(), mode="eval")
        names = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    else:
        names = list(_named(_code(function)))
    return tuple(dict.fromkeys(name for name in names if name in _WHOLE))


def _code(function: Any) -> CodeType | None:
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "__func__", function))
    return getattr(function, "__code__", None)


def _named(code: CodeType | None) -> Iterator[str]:
    if code is None:
        return
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _named(const)
