"""The file of --errors-to: of several inputs it says which one a row was in."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parapply
from parapply import Job

TEXT = "a,b\n1,2\n0,3\n4,5,6\n"
READERS = {
    "csv": pd.read_csv,
    "jsonl": lambda path: pd.read_json(path, lines=True),
    "parquet": lambda path: pq.read_table(path).to_pandas(),
    "arrow": lambda path: pa.ipc.open_file(path).read_all().to_pandas(),
}


@pytest.fixture
def errors_of(tmp_path):
    """Run a job on inputs of which two rows each fail; return what is said of them."""

    def run(inputs, suffix, **job):
        bad = tmp_path / f"bad.{suffix}"
        job = {"expression": "1 // a", "output": tmp_path / "out.csv", "errors_to": bad, **job}
        parapply.run(Job(inputs=inputs, backend="serial", **job))
        return READERS[suffix](bad)

    return run


@pytest.fixture
def paths(tmp_path):
    (tmp_path / "in").mkdir()
    found = [tmp_path / "in" / name for name in ("1.csv", "2.csv")]
    for path in found:
        path.write_text(TEXT)
    return found


@pytest.mark.parametrize("chunk_size", [1, None])
@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("folder", [False, True])
def test_of_several_inputs_it_is_said_which(errors_of, paths, suffix, chunk_size, folder):
    inputs = paths[0].parent if folder else paths
    found = errors_of(inputs, suffix, chunk_size=chunk_size)
    assert list(found) == ["a", "b", "_file", "_row", "_error", "_traceback"]
    assert found["_row"].tolist() == [2, 3, 2, 3]
    assert found["_file"].tolist() == [str(path) for path in paths for _ in range(2)]


@pytest.mark.parametrize("suffix", READERS)
def test_of_one_input_it_is_not(errors_of, paths, suffix):
    assert list(errors_of(paths[0], suffix)) == ["a", "b", "_row", "_error", "_traceback"]


def test_what_is_mended_can_be_fed_in_again(errors_of, paths, tmp_path):
    errors_of(paths, "csv")
    said = tmp_path / "bad.csv"
    said.write_text(said.read_text().replace("\n0,", "\n1,").replace("\n4,", "\n2,"))
    output = tmp_path / "mended.csv"
    drop = ("_file", "_row", "_error", "_traceback")
    parapply.run(Job(expression="1 // a", inputs=said, output=output, drop=drop))
    assert output.read_text() == "a,b,result\n1,3,1\n2,5,0\n1,3,1\n2,5,0\n"
