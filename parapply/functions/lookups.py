"""A row function's definition, rewritten to be given columns' values where it looks up a row's.

Only where nothing else is done with the row, in any place, and nobody looks for it by its name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from parapply.functions.rows import Row

# What may look at a function's variables from within, or from what it calls.
_LOOKERS = frozenset(
    ("breakpoint", "currentframe", "dir", "eval", "exec", "f_locals", "getargvalues", "_getframe",
     "ipdb", "locals", "pdb", "set_trace", "stack", "vars")
)  # fmt: skip


def rewrite(definition: ast.FunctionDef, row: str, place: int, names: Sequence[str]) -> bool:
    """Give a definition the columns instead of the row, its parameter at `place`.

    False where it does something else with the row: then the definition is spoilt.
    """
    head = definition.args
    taken = len(head.posonlyargs)
    part, at = (head.posonlyargs, place) if place < taken else (head.args, place - taken)
    part[at : at + 1] = [ast.copy_location(ast.arg(label(name)), part[at]) for name in names]
    lookups = _Lookups(row, names)
    definition.body = [lookups.visit(statement) for statement in definition.body]
    ast.fix_missing_locations(definition)
    return lookups.found and not any(_knows(node, row) for node in _nodes(definition))


def label(name: str) -> str:
    """What a column's value is called: as no variable can be."""
    return f"row[{name!r}]"


def _nodes(definition: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield all that there is in a body, but for what only says what the function does."""
    first, *others = definition.body
    told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    for statement in others if told else definition.body:
        yield from ast.walk(statement)


def _knows(node: ast.AST, row: str) -> bool:
    """Whether a node uses or binds the row's name, tells it in text, or may look at variables.

    `frame.query("k == @row['x']")` looks for the name in the variables of its caller.
    """
    match node:
        case ast.Constant(value=str(text)):
            return re.search(rf"\b{row}\b", text) is not None
        case ast.Attribute(attr=name):
            return name in _LOOKERS
        case ast.alias(name=name, asname=other):
            return (other or name.partition(".")[0]) == row
        case ast.keyword():
            return False
    found = [value for _, value in ast.iter_fields(node)]
    bound = [name for value in found if isinstance(value, list) for name in value]  # global, ...
    return row in (*found, *bound) or (isinstance(node, ast.Name) and node.id in _LOOKERS)


class _Lookups(ast.NodeTransformer):
    """Puts values where a row is looked up, and leaves all else that is done with it."""

    def __init__(self, row: str, names: Sequence[str]) -> None:
        self._row, self._names = row, frozenset(names)
        self.found = False

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return self._value(key, node.value, node) or self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        own = hasattr(Row, node.attr) or node.attr.startswith("__")  # the latter: of a class
        return self._value(None if own else node.attr, node.value, node) or self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`row.get(name, default)`: the default, which is not taken, may still do something."""
        match node:
            case ast.Call(ast.Attribute(owner, "get"), [ast.Constant(key), *others], []) if len(
                others
            ) < 2 and not any(isinstance(one, ast.Starred) for one in others):
                if (value := self._value(key, owner, node)) is None:
                    return self.generic_visit(node)
                if not others:
                    return value
                pair = ast.Tuple([self.visit(others[0]), value], ast.Load())
                return ast.copy_location(ast.Subscript(pair, ast.Constant(1), ast.Load()), node)
        return self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        """A pattern may hold lookups, but no variables instead of them."""
        node.guard = node.guard and self.visit(node.guard)
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def _value(self, key: object, owner: ast.AST, node: ast.expr) -> ast.expr | None:
        """Return the variable for a lookup of `key`; None where it is none."""
        read = isinstance(getattr(node, "ctx", None), ast.Load) or isinstance(node, ast.Call)
        mine = isinstance(owner, ast.Name) and owner.id == self._row
        if not (read and mine and isinstance(key, str) and key in self._names):
            return None
        self.found = True
        return ast.copy_location(ast.Name(label(key), ast.Load()), node)
