"""A way to call the function of one's own: a class, and a row in the table of callers."""

import pytest

import parapply
from parapply.execute.call import Made, Traits
from parapply.execute.callers import registry
from parapply.execute.results.build import build_columns


class PairCaller:
    """Calls the function for each row with that and the row before, which is None of the first."""

    def __init__(self, run):
        self.run, self.at = run, 0

    def position(self):
        return self.at

    def apply(self):
        run, made, before = self.run, [], None
        names = [run.fields[place].name for place in run.call.given]
        columns = [run.batch.values(place) for place in run.call.given]
        for self.at, values in enumerate(zip(*columns, strict=True)):
            row = dict(zip(names, values, strict=True))
            made.append(run.function((before, row)))
            run.pace(1)
            before = row
        call, made = run.call, {run.call.name: made}
        columns = build_columns(made, run.where, call.types, as_text=call.as_text)
        return Made("scalar", columns)


@pytest.fixture(autouse=True)
def row(monkeypatch):
    traits = Traits(cuttable=False, stealable=False, names_row=False, wants_large=True)
    spec = registry.CallerSpec(f"{__name__}:PairCaller", traits)
    monkeypatch.setitem(registry.CALLERS, "pair", spec)


@pytest.mark.parametrize("backend", ["processes", "threads", "serial"])
@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_function_is_given_pairs(tmp_path, backend, suffix):
    (tmp_path / "in.csv").write_text("n\n" + "".join(f"{n * n}\n" for n in range(3000)))
    (tmp_path / "steps.py").write_text(
        "def step(pair):\n    one, two = pair\n    return two['n'] - (one or two)['n']\n"
    )
    output = tmp_path / f"out.{suffix}"
    job = {"by": "pair", "chunk_size": 3000, "backend": backend, "workers": 2}
    job["function"] = f"{tmp_path}/steps.py:step"
    parapply.run(parapply.Job(inputs=tmp_path / "in.csv", output=output, **job))
    back = parapply.Job(expression="0", by="row", inputs=output, output=tmp_path / "back.csv")
    parapply.run(back)
    lines = (tmp_path / "back.csv").read_text().splitlines()
    assert [line.rsplit(",", 1)[0] for line in lines[1:4]] == ["0,0", "1,1", "4,3"]
    assert len(lines) == 3001
