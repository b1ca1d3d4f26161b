"""Ways in which the files of a checkpoint may have changed since they were written."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, random.Random], None]


def cut(path: Path, generator: random.Random) -> None:
    """Cut it off anywhere: a power cut."""
    content = path.read_bytes()
    path.write_bytes(content[: generator.randrange(len(content) + 1)])


def flip(path: Path, generator: random.Random) -> None:
    """Turn a bit over."""
    content = bytearray(path.read_bytes())
    if content:
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(content)


def blank(path: Path, generator: random.Random) -> None:
    """Make a range of it zeros, as file systems do after a power cut."""
    content = bytearray(path.read_bytes())
    start = generator.randrange(len(content) + 1)
    content[start:] = bytes(len(content) - start)
    path.write_bytes(content)


def shuffle(path: Path, generator: random.Random) -> None:
    """Bring its lines into another order."""
    lines = path.read_bytes().split(b"\n")
    generator.shuffle(lines)
    path.write_bytes(b"\n".join(lines))


def drop(path: Path, generator: random.Random) -> None:
    """Take some of its lines away."""
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(line for line in lines if generator.random() < 0.7))


def double(path: Path, generator: random.Random) -> None:
    """Have everything twice."""
    path.write_bytes(path.read_bytes() * 2)


def noise(path: Path, generator: random.Random) -> None:
    """Put anything at all there."""
    path.write_bytes(generator.randbytes(generator.choice((0, 1, 100, 5000))))


def remove(path: Path, generator: random.Random) -> None:
    """Take it away."""
    path.unlink()


def replace(path: Path, generator: random.Random) -> None:
    """Put another file of its folder there."""
    others = sorted(other for other in path.parent.iterdir() if other.is_file())
    path.write_bytes(generator.choice(others).read_bytes())


ALL: tuple[Damage, ...] = (cut, flip, blank, shuffle, drop, double, noise, remove, replace)


def foreign(path: Path, other: Path, generator: random.Random) -> None:
    """Mix the lines of another job's journal, which are whole, into this one's."""
    lines = [*path.read_bytes().split(b"\n"), *other.read_bytes().split(b"\n")]
    generator.shuffle(lines)
    path.write_bytes(b"\n".join(lines))


def harm(checkpoint: Path, other: Path, generator: random.Random) -> str:
    """Damage one to all files of a checkpoint; say how."""
    done = []
    if generator.random() < 0.2:
        foreign(checkpoint / "journal.jsonl", other / "journal.jsonl", generator)
        done.append("journal.jsonl foreign")
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    many = generator.choice((1, 1, 2, 5, len(files)))
    # The journal is a file among many parts, and the one that matters most.
    chosen = {*generator.sample(files, min(many, len(files)))}
    if generator.random() < 0.5:
        chosen.add(checkpoint / "journal.jsonl")
    for path in sorted(chosen):
        way = generator.choice(ALL)
        way(path, generator)
        done.append(f"{path.name} {way.__name__}")
    return ", ".join(done[:4]) + f" and {len(done) - 4} more" * (len(done) > 4)
