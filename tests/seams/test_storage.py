"""A file system is a class and a row of a table: here one that is held in memory."""

import io

from parapply import Job, run
from parapply.formats.registry import FORMATS
from parapply.storage.api import FileState
from parapply.storage.registry import FILE_SYSTEMS

FILES = {"mem://a.csv": b"a\n" + b"".join(b"%d\n" % n for n in range(5000))}


class Memory:
    resolve = staticmethod(str)

    def stat(self, url):
        if url not in FILES:
            raise FileNotFoundError(url)
        return FileState((url,), len(FILES[url]), FILES[url])

    def walk(self, url):
        yield url, [], [name.removeprefix(url) for name in FILES if name.startswith(url)]

    def open(self, url):
        return io.BytesIO(FILES[url])

    def read_range(self, url, start, stop):
        return FILES[url][start:stop]

    def target(self, url, *, lock, clobber):
        return Target(url)


class Target:
    restartable, writes_at, home = True, False, None

    def __init__(self, url):
        self.place = url

    def begin(self): ...
    def withdraw(self): ...
    def abort(self): ...

    def open(self):
        self.file = io.BytesIO()
        return self.file

    def prepare(self):
        return []

    def commit(self, *, undoable):
        FILES[self.place] = self.file.getvalue()


def test_each_format_is_written_to_it_and_read_from_it(monkeypatch):
    monkeypatch.setitem(FILE_SYSTEMS, "mem", f"{__name__}:Memory")
    for between in [f"mem://b.{suffix}" for suffix in (*FORMATS, "csv.gz")]:
        for one, other in ("mem://a.csv", between), (between, "mem://c.csv"):
            run(Job(expression="a + 1", into=("a",), inputs=one, output=other, backend="serial"))
        assert FILES.pop("mem://c.csv") == b"a\n" + b"".join(b"%d\n" % n for n in range(2, 5002))
