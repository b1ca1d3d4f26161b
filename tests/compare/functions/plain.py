"""Functions of a row or a value, of the standard library alone."""

import asyncio
import enum
import os
import signal
import time
from collections import namedtuple
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

DOWN = "COMPARE_DOWN" in os.environ
CONSTANT = 3
Point = namedtuple("Point", "x y")


@dataclass
class Pair:
    left: int
    right: str


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def double(row):
    return row["number"] * 2


def late_float(row):
    return row.number if row.number < 40 else row.number / 2


def fields(row):
    return {"length": len(row.text or ""), "odd": row.number % 2 == 1}


def late_fields(row):
    return {"length": len(row.text or ""), **({"late": row.number} if row.number > 41 else {})}


def point(row):
    return Point(row.number + 0.5, row.text) if row.number % 2 else None


def pair(row):
    return row.number, row.share


def lists(row):
    return [row.number, row.number + 1][: row.number % 3]


def nested(row):
    return {"inner": {"n": row.number, "t": [row.text]}, "pair": Pair(row.number, "x")}


def texts(row):
    return [None, "", "a,b", 'say "so"', "two\nlines", " ä ", "NA", "007"][row.number % 8]


def days(row):
    return date(2024, 1, 1) + timedelta(days=row.number)


def moments(row):
    zone = timezone(timedelta(hours=row.number % 2))
    return datetime(2024, 5, 1, 12, row.number % 60, tzinfo=zone)


def decimals(row):
    return Decimal(row.number) / 8


def large(row):
    return 10 ** (row.number % 30)


def raw(row):
    return bytes([row.number % 256, 65])


def numbers(row):
    return [float("nan"), float("inf"), -0.0, 1e300, None, 3.0][row.number % 6]


def kept(row):
    return row.number % 7 < 3


def items(row):
    return [f"{row.text}{place}" for place in range(row.number % 3)]


def whole(row):
    return {**row, "first": row[0], "count": len(row), "colour": list(Colour)[row.number % 2]}


def scaled(row, *, factor, shift=0):
    return row.number * factor + shift


class Scaler:
    def __init__(self, factor=10):
        self.factor = factor

    def __call__(self, row):
        return row["number"] * self.factor

    def add(self, row):
        return row["number"] + self.factor


def upper(value):
    return value and value.upper()


def square(value):
    return value**2


def both(value):
    return None if value is None else value + 1


async def waits(row):
    await asyncio.sleep(0.001 * (row.number % 3))
    return row.number + 1


async def waits_badly(row):
    await asyncio.sleep(0)
    if row.number == 17:
        raise LookupError("seventeen")
    return {"n": row.number}


def fails(row):
    if row.number % 11 == 5:
        raise ValueError(f"number {row.number} is bad")
    return row.number


def fails_late(row):
    return {"a": 1}["b"] if row.number == 50 else "fine"


def fails_differently(row):
    return [int, len, Decimal, date.fromisoformat][row.number % 4](row.text)


def fails_always(row):
    raise RuntimeError("never")


def flaky(row):
    if DOWN and row.number % 20 == 19:
        raise ConnectionError("the server is down")
    return row.number * 3


def lost(row):
    return row["nowhere"]


def odd(row):
    return object() if row.number == 3 else 1


def mixed(row):
    return row.number if row.number < 30 else f"text {row.number}"


def ends(row):
    if row.number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return row.number


def leaves(row):
    if row.number == 21:
        raise SystemExit(3)
    return row.number


def sleeps(row):
    if row.number == 9:
        time.sleep(4)
    return row.number
