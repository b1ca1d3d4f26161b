"""A row function that only looks up columns, made anew as a function of the columns' values.

`f(row)` with `row["x"]` in it becomes `f(x)` with `x` there: no row is made, and no lookup, which
takes a fifth of the time of a small function. Runs in the worker, on what is called there. That
what stands in the file is what runs is made sure of by compiling it as it stands first.
"""

from __future__ import annotations

import ast
import functools
import linecache
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import CodeType, FunctionType, MethodType
from typing import Any

from parapply.functions.lookups import label, rewrite
from parapply.functions.observers import is_debugged


def spread(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any] | None:
    """Return what gives for the values of `names`, in order, what `function` gives for a row.

    None where that cannot be had: it does something else with the row (lookups.py), its source is
    not there, or not what it came from. And under a debugger, for whoever looks at `row` there.
    """
    if is_debugged():
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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\\d" and the like it was said at the import
            code = _rewritten(old, place, names) if place < old.co_argcount else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # not Python, or too deep
        return None
    if code is None:
        return None
    cells = dict(zip(old.co_freevars, function.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    made = FunctionType(code, function.__globals__, old.co_name, function.__defaults__, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _rewritten(old: CodeType, place: int, names: tuple[str, ...]) -> CodeType | None:
    row = old.co_varnames[place]
    if "__" in row or (place == 0 and "__class__" in old.co_freevars):
        return None  # the name may be another's in a class; `super()` is given the first argument
    tree = _surroundings(old)
    found, before = _definition(tree.body, old), _compiled(tree, old)
    if found is None or before is None or _key(before) != _key(old):
        return None
    if not rewrite(found, row, place, names):
        return None
    code = _compiled(tree, old)
    given = None if code is None else code.co_varnames[place : place + len(names)]
    return code if given == tuple(map(label, names)) else None  # else it is another's


def _surroundings(code: CodeType) -> ast.Module:
    """Return what of a file has a say in how a function is compiled.

    That is what stands around it, and which names are imported: Python calls `math.sin` otherwise
    where `math` is one of them.
    """
    whole = ast.parse("".join(linecache.getlines(code.co_filename)))
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
    for node in (node for statement in body for node in ast.walk(statement)):
        here = isinstance(node, ast.FunctionDef) and node.lineno == code.co_firstlineno
        if here and node.name == code.co_name and not node.decorator_list:  # type: ignore[attr-defined]
            return node  # type: ignore[return-value]
    return None


def _compiled(tree: ast.Module, like: CodeType) -> CodeType | None:
    """Compile a file, and return of it the function that stands where `like` does."""
    whole = compile(tree, like.co_filename, "exec", dont_inherit=True)
    return next((code for code in _codes(whole) if _place(code) == _place(like)), None)


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
