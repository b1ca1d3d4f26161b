"""Which columns a row function looks at, read from its source. Runs in the parent.

Only those columns are parsed and have their types surveyed, which for a function that names four
columns of nineteen saves most of the work. In doubt the answer is "all of them": where the row
is handed on as a whole (`helper(row)`, `dict(row)`), where the source cannot be read, or where a
decorator stands between the function and the row.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import textwrap
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from parapply.functions.rows import Row


def columns_used(
    function: Callable[..., Any], names: tuple[str, ...], kind: type = Row
) -> tuple[str, ...] | None:
    """Return the columns of `names` that `function(row)` may look at, or None for all.

    `kind` is what the function is given: a Row or a Group.
    """
    if not isinstance(code := _code(function), FunctionType):
        return None
    parameter = _row_parameter(function)
    definition = _definition(code)
    if parameter is None or definition is None:
        return None
    seeker = _Seeker(parameter, names, kind)
    for statement in definition.body:
        seeker.visit(statement)
    return None if seeker.escaped else tuple(name for name in names if name in seeker.found)


def _code(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    if hasattr(function, "__wrapped__"):
        return None
    return getattr(function, "__func__", function)


def _row_parameter(function: Callable[..., Any]) -> str | None:
    for name, parameter in inspect.signature(function).parameters.items():
        plain = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        return name if plain else None
    return None


def _definition(function: FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    try:
        tree = ast.parse(textwrap.dedent(_source(function.__code__)))
    except (SyntaxError, ValueError):
        return None
    node = tree.body[0] if tree.body else None
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.decorator_list:
        return None  # a lambda, or something that a decorator may have changed
    return node if node.name == function.__code__.co_name else None  # it makes a lambda


def _source(code: CodeType) -> str:
    """Return the lines of a function; inspect.getsource would take 10 ms, to compile tokenize."""
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)
    return "".join(lines[code.co_firstlineno - 1 : _last_line(code)])


def _last_line(code: CodeType) -> int:
    ends = [end for _, end, _, _ in code.co_positions() if end is not None]
    inner = [_last_line(const) for const in code.co_consts if isinstance(const, CodeType)]
    return max([*ends, *inner], default=0)


_LOOKERS = ("locals", "eval", "exec", "vars", "breakpoint", "pdb", "ipdb")  # at any variable


class _Seeker(ast.NodeVisitor):
    """Collects `row["x"]`, `row.x`, `row.get("x")`, `match row: case {"x": ...}`.

    Any other use of the row is an escape.
    """

    def __init__(self, row: str, names: tuple[str, ...], kind: type) -> None:
        self.row, self.names, self.kind = row, names, kind
        self.harmless = getattr(kind, "HARMLESS", ())
        self.found: set[str] = set()
        self.escaped = False

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self._is_row(node.value) and isinstance(node.ctx, ast.Load):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                self.found.add(node.slice.value)
            else:
                self.escaped = True
        else:
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if self._is_row(node.value) and node.attr not in self.harmless:
            self.found.add(node.attr)
            # What Row has itself is a method, also in a table that has a column of that name.
            self.escaped |= node.attr not in self.names or hasattr(self.kind, node.attr)
        elif not self._is_row(node.value):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        get = isinstance(node.func, ast.Attribute) and node.func.attr == "get"
        if get and self._is_row(node.func.value) and node.args:  # type: ignore[attr-defined]
            key = node.args[0]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.found.add(key.value)
                for other in [*node.args[1:], *(word.value for word in node.keywords)]:
                    self.visit(other)
                return
        counted = isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1
        if not (counted and self.harmless and self._is_row(node.args[0])):
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        asks = all(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops)
        for other in [node.left, *node.comparators]:
            if not (asks and other is not node.left and self._is_row(other)):
                self.visit(other)

    def visit_Match(self, node: ast.Match) -> None:
        if not self._is_row(node.subject):
            self.generic_visit(node)
            return
        for case in node.cases:
            self.escaped |= not self._pattern(case.pattern)
            for other in [*case.body, *([case.guard] if case.guard else [])]:
                self.visit(other)

    def _pattern(self, node: ast.pattern) -> bool:
        """Collect the keys of a pattern for the row; False where it may take more of it."""
        match node:
            case ast.MatchAs(None, None):
                return True
            case ast.MatchOr(patterns):
                return all(self._pattern(one) for one in patterns)
            case ast.MatchMapping(keys, patterns, None):
                found = [key.value if isinstance(key, ast.Constant) else None for key in keys]
                self.found.update(key for key in found if isinstance(key, str))
                for pattern in patterns:
                    self.visit(pattern)
                return all(isinstance(key, str) for key in found)
        return False

    def visit_Name(self, node: ast.Name) -> None:
        self.escaped |= node.id in (self.row, *_LOOKERS)

    def _is_row(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self.row
