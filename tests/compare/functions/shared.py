"""Functions that use the run they are part of, or say something while they work."""

import logging
import sys
import warnings

from parapply import worker


def prints(row):
    if row.number % 20 == 4:
        print("row", row.number)
        print("beside", row.number, file=sys.stderr)
    return row.number


def logs(row):
    if row.number % 25 == 3:
        logging.getLogger("compare").warning("number %d", row.number)
        worker.log.info("row %s", worker.row)
        warnings.warn(f"warned of {row.number}", stacklevel=1)
    return row.number


def counts(row):
    worker.count("rows")
    worker.count("sum", row.number)
    worker.gauge("level", 0.5)
    return None if row.number % 2 else 1


def locked(row):
    with worker.lock("one"):
        return row.number


def limited(row):
    with worker.limit("few", 2):
        return row.number


def paced(row):
    worker.rate("pace", "2000/s")
    return row.number


def sends(row):
    if row.number % 10 == 0:
        worker.put("tenth", row.number)
    return row.number


def hear(name, thing):
    print("heard", name, thing)


def stops(row):
    if row.number == 23:
        worker.stop()
    return row.number


def begin():
    worker.state.texts = dict(enumerate(worker.shared["table"]["text"]))


def looks_up(value):
    return worker.state.texts.get(value)


def made():
    return {"a": [1, 2, 3]}


class Closed:
    def __init__(self):
        self.seen = 0

    def __call__(self, row):
        self.seen += 1
        return row.number

    def close(self):
        worker.count("closed", self.seen)


def row_number(row):
    return worker.row


def begin_badly():
    raise OSError("no connection")
