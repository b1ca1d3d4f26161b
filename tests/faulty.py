"""Functions that do all the things that functions should not; see faults.py."""

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pandas as pd

from parapply import Group


def fine(row):
    return row["number"] * 2


def held(row):
    """Goes on when the world has done what it does."""
    Path("started").touch()
    while not Path("done").exists():
        time.sleep(0.01)
    return row["number"] * 2


def at_seven(does):
    def function(row):
        return does() if row["number"] == 7 else row["number"]

    function.__name__ = function.__qualname__ = does.__name__
    return function


@at_seven
def raises():
    raise ValueError("seven")


class LockedError(Exception):
    def __init__(self):
        super().__init__("cannot be pickled")
        self.lock = threading.Lock()


@at_seven
def raises_unpicklable():
    raise LockedError


class StubbornError(Exception):
    def __init__(self, one, two):
        super().__init__("cannot be unpickled")


@at_seven
def raises_stubborn():
    raise StubbornError(1, 2)


@at_seven
def raises_base():
    raise BaseException("base")


@at_seven
def interrupts():
    raise KeyboardInterrupt


@at_seven
def leaves():
    sys.exit(4)


@at_seven
def raises_group():
    raise ExceptionGroup("several", [ValueError(1), KeyError(2)])


@at_seven
def recurses():
    return recurses_deeper() + 1


def recurses_deeper():
    return recurses_deeper() + 1


@at_seven
def returns_a_lock():
    return threading.Lock()


@at_seven
def returns_a_dict():
    return {"a": 1}


@at_seven
def returns_too_much():
    return 10**400


@at_seven
def hangs():
    time.sleep(60)


@at_seven
def loops():
    while True:
        pass


@at_seven
def is_stuck():
    sum(range(10**12))


@at_seven
def exits():
    os._exit(3)


@at_seven
def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


@at_seven
def aborts():
    os.abort()


@at_seven
def segfaults():
    ctypes.string_at(0)


class FailsToStart:
    def __init__(self):
        raise LookupError("no start")

    def __call__(self, row):
        return 1


def wrong_length(df: pd.DataFrame):
    return pd.Series([1])


def no_table(df: pd.DataFrame):
    return object()


def of_groups(function):
    def grouped(group: Group):
        return function({"number": group["number"][0]})

    grouped.__name__ = grouped.__qualname__ = f"group_{function.__name__}"
    return grouped


for one in (raises, raises_unpicklable, leaves, exits, is_killed, hangs):
    globals()[f"group_{one.__name__}"] = of_groups(one)
