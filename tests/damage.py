"""Checkpoints as somebody has altered them who knows how they are made: checksums fit."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from parapply.columns.type_names import pack
from parapply.engine.checkpoint.journal import checked
from parapply.execute.entries import facts, outcome_of

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 299, 2**31, 2**63, 2**64, 10**400, 1.5, float("nan"),
    float("inf"), "", "x", "..", "../outside", "../../outside", "/etc/hostname", "parts", "a\0b",
    "\ud800", "é\n\x1b[31m", "x" * 300, "arrow:", "pickle:gASVAAAA", [], [0], [[]], [None], ["x"],
    [["x"]], [[0, 0, 0, 0]], {}, {"done": {}}, [[["x", 1, "y"]]],
    base64.b64encode(b"\xff\xff\xff\xff\x10\0\0\0" + bytes(16)).decode(),
    pack(pa.int64()), pack(pa.string()), pack(pa.list_(pa.int8())), pack(pa.null()),
]  # fmt: skip


def entries(journal: Path) -> list[Any]:
    """What a journal says."""
    lines = journal.read_text(encoding="utf-8").splitlines()
    return [json.loads(line.partition(" ")[2]) for line in lines if line]


def write(journal: Path, found: list[Any]) -> None:
    """Write it anew, with checksums that fit."""
    journal.write_text("".join(checked(json.dumps(one)) + "\n" for one in found))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all values in a value."""
    if path:
        yield path
    keys = value if isinstance(value, dict) else range(len(value)) if _is_list(value) else ()
    for key in keys:
        yield from places(value[key], (*path, key))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def another_value(found: Any, chance: random.Random) -> None:
    """Put anything in the place of a value, or that of another place."""
    path = chance.choice(list(places(found)))
    other = chance.choice([*VALUES, _at(found, chance.choice(list(places(found))))])
    _at(found, path[:-1])[path[-1]] = copy.deepcopy(other)


def one_more_or_less(found: Any, chance: random.Random) -> None:
    """Change a number by a little."""
    numbers = [path for path in places(found) if type(_at(found, path)) is int]
    if numbers:
        path = chance.choice(numbers)
        _at(found, path[:-1])[path[-1]] += chance.choice([-1, 1])


def lose(found: Any, chance: random.Random) -> None:
    """Take a value away."""
    path = chance.choice(list(places(found)))
    del _at(found, path[:-1])[path[-1]]


def swap(found: Any, chance: random.Random) -> None:
    """Change two values for each other."""
    one, other = chance.choices([path for path in places(found) if len(path) < 4], k=2)
    if one[: len(other)] == other or other[: len(one)] == one:
        return
    first, second = _at(found, one), _at(found, other)
    _at(found, one[:-1])[one[-1]], _at(found, other[:-1])[other[-1]] = second, first


CHANGES: list[Callable[[Any, random.Random], None]] = [
    another_value, one_more_or_less, lose, swap,
]  # fmt: skip


def alter_journal(folder: Path, chance: random.Random) -> None:
    """Change what a line or several say."""
    found = entries(folder / "journal.jsonl")
    for _ in range(chance.choice([1, 1, 2, 5])):
        chance.choice(CHANGES)(found, chance)
        if not found:
            break
    write(folder / "journal.jsonl", found)


def alter_job(folder: Path, chance: random.Random) -> None:
    """Change what the job was."""
    path = folder / "job.json"
    job = json.loads(path.read_text().partition(" ")[2])
    chance.choice(CHANGES)(job, chance)
    path.write_text(checked(json.dumps(job)))


def alter_text(folder: Path, chance: random.Random) -> None:
    """Put text that is hard to read into a line."""
    text = chance.choice([
        "[" * 100_000, '{"done":' * 5000 + "1" + "}" * 5000, "9" * 5000, '{"a":1,"a":2}', "NaN",
        '{"complete":true,"complete":true}', '"\\ud800"', "", "null", '{"split":[0],"rows":1e400}',
    ])  # fmt: skip
    with open(folder / "journal.jsonl", "a", encoding="utf-8") as file:
        file.write(checked(text) + "\n")


def alter_part(folder: Path, chance: random.Random) -> None:
    """Change what a file holds that is kept beside a part, and the digest with it."""
    found = entries(folder / "journal.jsonl")
    entry = chance.choice([one["done"] for one in found if "done" in one])
    file = chance.choice(entry["files"])
    path = folder / "parts" / file[0]
    data = bytearray(path.read_bytes())
    kind = chance.choice(["flip", "cut", "text", "json"])
    if kind == "flip" and data:
        for _ in range(chance.choice([1, 3, 20])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del data[chance.randrange(len(data) + 1) :]
    else:
        value = chance.choice([*VALUES, [10**6], [-1], {"take": None, "columns": {"x": ["null"]}},
                               {"take": [9], "columns": {"x": ["pickle:gARd", [1]]}}])  # fmt: skip
        data = bytearray(json.dumps(value).encode())
    path.write_bytes(data)
    sign(entry, file, bytes(data))
    write(folder / "journal.jsonl", found)


def sign(entry: Any, file: list[Any], data: bytes) -> None:
    """Have an entry's file be known by other data."""
    outcome = outcome_of(entry, "")
    said = b"" if outcome is None else facts(outcome)
    file[1], file[2] = len(data), hashlib.blake2b(said + data, digest_size=16).hexdigest()


def put_links(folder: Path, chance: random.Random) -> None:
    """Put something else in the place of files, or beside them."""
    outside = folder.parent / "outside"
    found = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "lock"]
    path = chance.choice(found)
    if chance.random() < 0.3:
        path = path.with_name(chance.choice(["00000000.1", "more", path.name + "+", "x.made"]))
    if path.exists():
        path.unlink()
    kind = chance.choice(["link", "hard", "pipe", "folder", "lost"])
    if kind == "link":
        path.symlink_to(outside / chance.choice(["file.csv", "none", "."]))
    elif kind == "hard":
        os.link(outside / "file.csv", path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()


ALTERATIONS: list[Callable[[Path, random.Random], None]] = [
    alter_journal, alter_journal, alter_journal, alter_job, alter_text, alter_part, put_links,
]  # fmt: skip
