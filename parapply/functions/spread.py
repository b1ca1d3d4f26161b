"""A row function that only looks up columns, made anew as a function of the columns' values.

`f(row)` with `row["x"]` in it becomes `f(x)` with `x` there: no row is made, and no lookup, which
takes a fifth of the time of a small function. Runs in the worker. `usage.is_spreadable` says for
which functions that is the same; here it is made sure that what stands in the file is what runs.
"""

from __future__ import annotations

import ast
import functools
import linecache
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import CodeType, FunctionType, MethodType
from typing import Any


def spread(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any] | None:
    """Return what gives for the values of `names`, in order, what `function` gives for a row.

    None where that cannot be had: the function's source is not there, or not what it came from. And
    under a debugger, for whoever looks at `row` there.
    """
    if sys.gettrace() is not None:
        return None
    with _one_by_one:  # or all threads that begin at the same time would compile the same
        return _spread(function, names)


_one_by_one = threading.Lock()


def _spread(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any] | None:
    if isinstance(function, functools.partial):
        inner = _spread_after(function.func, len(function.args), names)
        return inner and functools.partial(inner, *function.args, **function.keywords)
    return _spread_after(function, 0, names)


def _spread_after(
    function: Callable[..., Any], given: int, names: tuple[str, ...]
) -> Callable[..., Any] | None:
    """The same, where so many arguments stand before the row."""
    if isinstance(function, MethodType):
        method, owner = function.__func__, function.__self__
    elif isinstance(function, FunctionType):
        return _of_columns(function, given, names)
    else:  # an instance: looked up where a call looks it up
        method, owner = type(function).__call__, function
    if not isinstance(method, FunctionType):
        return None
    made = _of_columns(method, given + 1, names)
    return made and MethodType(made, owner)


@lru_cache(maxsize=8)
def _of_columns(
    function: FunctionType, place: int, names: tuple[str, ...]
) -> Callable[..., Any] | None:
    """Return the function with the parameter at `place` replaced by one for each of `names`."""
    old = function.__code__
    tree = _surroundings(old)
    found = None if tree is None else _definition(tree.body, old)
    if tree is None or found is None or place >= old.co_argcount:
        return None
    before = _compiled(tree, old)
    if before is None or _key(before) != _key(old):
        return None
    _replace(found, old.co_varnames[place], place, names)
    code = _compiled(tree, old)
    assert code is not None
    cells = dict(zip(old.co_freevars, function.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    made = FunctionType(code, function.__globals__, old.co_name, function.__defaults__, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _surroundings(code: CodeType) -> ast.Module | None:
    """Return what of a file has a say in how a function is compiled.

    That is what stands around it, and which names are imported: Python calls `math.sin` otherwise
    where `math` is one of them.
    """
    try:
        whole = ast.parse("".join(linecache.getlines(code.co_filename)))
    except (SyntaxError, ValueError):
        return None
    line = code.co_firstlineno
    around = [node for node in whole.body if node.lineno <= line <= (node.end_lineno or 0)]
    return ast.Module([*_imports(whole.body), *around], [])


def _imports(body: Sequence[ast.AST]) -> Iterator[ast.stmt]:
    """Yield the import statements that stand in no function or class."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            yield from _imports(list(ast.iter_child_nodes(node)))


def _definition(body: Sequence[ast.AST], code: CodeType) -> ast.FunctionDef | None:
    for node in body:
        for found in ast.walk(node):
            if isinstance(found, ast.FunctionDef) and found.lineno == code.co_firstlineno:
                return None if found.decorator_list else found
    return None


def _compiled(tree: ast.Module, like: CodeType) -> CodeType | None:
    """Compile a file, and return of it the function that stands where `like` does."""
    whole = compile(tree, like.co_filename, "exec", dont_inherit=True)
    return next(
        (code for code in _codes(whole) if _place(code) == _place(like)),
        None,
    )


def _place(code: CodeType) -> tuple[Any, ...]:
    return code.co_firstlineno, code.co_qualname


def _codes(code: CodeType) -> Iterator[CodeType]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            yield from _codes(const)


def _key(code: CodeType) -> tuple[Any, ...]:
    """What two functions have alike that do the same."""
    consts = [_key(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return code.co_code, code.co_exceptiontable, code.co_flags, counts, names, consts


def _replace(tree: ast.FunctionDef, row: str, place: int, names: tuple[str, ...]) -> None:
    """Give a definition the columns instead of the row, in its head and in its body."""
    head = tree.args
    taken = len(head.posonlyargs)
    part, at = (head.posonlyargs, place) if place < taken else (head.args, place - taken)
    part[at : at + 1] = [ast.copy_location(ast.arg(_label(name)), part[at]) for name in names]
    tree.body = [_Lookups(row).visit(statement) for statement in tree.body]
    ast.fix_missing_locations(tree)


def _label(name: str) -> str:
    """What a column's value is called: as no variable can be."""
    return f"row[{name!r}]"


class _Lookups(ast.NodeTransformer):
    """Puts values where a row is looked up; there is nothing else that is done with it."""

    def __init__(self, row: str) -> None:
        self._row = row

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if self._is_row(node.value):
            return _value(ast.literal_eval(node.slice), node)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return _value(node.attr, node) if self._is_row(node.value) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`row.get(name, default)`: the default, which is not taken, may still do something."""
        get = isinstance(node.func, ast.Attribute) and node.func.attr == "get"
        if not (get and self._is_row(node.func.value) and node.args):  # type: ignore[attr-defined]
            return self.generic_visit(node)
        name, *others = [*node.args, *(word.value for word in node.keywords)]
        value = _value(ast.literal_eval(name), node)
        if not others:
            return value
        pair = ast.Tuple([*map(self.visit, others), value], ast.Load())
        return ast.copy_location(ast.Subscript(pair, ast.Constant(-1), ast.Load()), node)

    def _is_row(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self._row


def _value(name: str, node: ast.AST) -> ast.Name:
    return ast.copy_location(ast.Name(_label(name), ast.Load()), node)
