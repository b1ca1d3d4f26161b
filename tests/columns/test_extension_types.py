"""Types that somebody has added to Arrow's cross as text, and no code is run to read them."""

from __future__ import annotations

import base64
import json
import pickle
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply.columns import type_names
from parapply.columns.extension_types import Foreign
from parapply.columns.type_names import name_of, pack, type_of, unpack


class Sized(pa.ExtensionType):
    """A type with a parameter, which nobody registers."""

    def __init__(self, size):
        self.size = size
        super().__init__(pa.int64(), "test.sized")

    def __arrow_ext_serialize__(self):
        return str(self.size).encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, data):
        return cls(int(data))


TYPES = [
    Sized(3),
    pa.list_(Sized(3)),
    pa.large_list(Sized(3)),
    pa.list_(Sized(3), 2),
    pa.struct([pa.field("a", Sized(3)), pa.field("b", pa.string(), metadata={"x": "y"})]),
    pa.map_(pa.string(), Sized(3)),
    pa.list_(pa.struct([pa.field("a", pa.list_(Sized(3)), nullable=False)])),
]
KNOWN = [
    pa.uuid(), pa.json_(), pa.bool8(), pa.dictionary(pa.int32(), pa.string()),
    pa.decimal128(9, 2), pa.timestamp("ns", "Europe/Paris"), pa.opaque(pa.int64(), "a", "b"),
]  # fmt: skip


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_a_type_that_is_not_known_is_written_as_where_it_is(type_):
    text = pack(type_)
    assert pack(unpack(text)) == text
    assert unpack(text) == unpack(text)


@pytest.mark.parametrize("type_", KNOWN, ids=str)
def test_types_of_arrows_own_come_back(type_):
    assert type_of(name_of(type_)) == type_


def test_types_differ_by_their_parameters():
    assert unpack(pack(Sized(3))) != unpack(pack(Sized(4)))
    assert unpack(pack(Sized(3))) != pa.int64()


def test_where_it_was_packed_the_type_itself_comes_back():
    type_ = Sized(5)
    assert type_of(name_of(type_)) is type_


def test_a_type_that_is_registered_comes_back_as_what_it_is():
    pa.register_extension_type(Sized(0))
    try:
        assert type(unpack(pack(Sized(7)))) is Sized
    finally:
        pa.unregister_extension_type("test.sized")
    assert isinstance(unpack(pack(Sized(7))), Foreign)


def test_a_pickle_is_no_type(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    text = base64.b64encode(pickle.dumps(Bomb())).decode()
    for name in (f"pickle:{text}", f"arrow:{text}"):
        with pytest.raises((ValueError, StopIteration, pa.ArrowException)):
            type_of(name)
    assert not (tmp_path / "ran").exists()


# What these unpickle comes through a pipe of the parent's own, or from the run's own folder, which
# is made anew, 0700, under a name that is random, and removed at the end.
UNPICKLE = {
    "backends/codec.py", "execute/start.py", "engine/run_services.py", "runtime/mapped.py",
    "runtime/messages.py", "backends/processes.py", "execute/results/pickled.py",
}  # fmt: skip


def test_nothing_that_outlives_a_run_is_unpickled():
    root = Path(parapply.__file__).parent
    users = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"\b(pickle|shelve|dill|marshal|joblib)\b\.?", _code(path))
    }
    assert users == UNPICKLE


def _code(path):
    """What a module imports, line by line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if re.match(r"\s*(import|from) ", line))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("registered", [True, False])
def test_a_type_of_the_functions_own_gets_into_the_file(tmp_path, parapply, method, registered):
    (tmp_path / "in.csv").write_text("i\n1\n2\n3\n")
    (tmp_path / "f.py").write_text(
        "import typing\nif typing.TYPE_CHECKING:\n    import pyarrow as pa\n"
        "def f(table: 'pa.Table'):\n"
        "    import pyarrow as pa\n"
        "    class Own(pa.ExtensionType):\n"
        "        def __init__(self): super().__init__(pa.int64(), 'test.own')\n"
        "        def __arrow_ext_serialize__(self): return b'{}'\n"
        "        @classmethod\n"
        "        def __arrow_ext_deserialize__(cls, storage, data): return cls()\n"
        f"    if {registered}:\n"
        "        try: pa.register_extension_type(Own())\n"
        "        except pa.ArrowKeyError: pass\n"
        "    return pa.table({'o': pa.ExtensionArray.from_storage(Own(), table['i'].chunk(0))})\n"
    )
    done = parapply(
        "f.py:f", "in.csv", "-o", "out.parquet", "--chunk-size", "1", "--start-method", method
    )
    assert done.returncode == 0, done.stderr
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.field("o").metadata[b"ARROW:extension:name"] == b"test.own"
    assert table["o"].to_pylist() == [1, 2, 3]


def test_names_hold_what_json_holds():
    assert json.loads(json.dumps(name_of(pa.list_(pa.int8())))) == name_of(pa.list_(pa.int8()))
    assert type_names.name_of("int64") == "int64"
