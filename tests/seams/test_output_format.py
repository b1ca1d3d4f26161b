"""An output format of one's own: a class, and a row in the table of formats; nothing else."""

import pytest

import parapply
from parapply.columns.text.strings import strings
from parapply.formats import registry
from parapply.formats.common.text_target import TextTarget
from parapply.formats.nouns import New, Writing
from parapply.model.records import record


@record
class MarkdownTarget(TextTarget):
    columns: tuple[str, ...]
    writing: Writing

    def head(self, arrangement):
        names = [c.name if isinstance(c, New) else self.columns[c.position] for c in arrangement]
        return "".join(map(_line, (names, ["---"] * len(names)))).encode(), b""

    def text(self, columns, rows):
        fields = [strings(array).to_pylist() for _, array in columns]
        return ["".join(map(_line, zip(*fields, strict=True))).encode()]


def _line(fields) -> str:
    return "".join(f"| {field.replace('|', '&#124;')} " for field in fields) + "|\n"


class Markdown:
    @staticmethod
    def target(sources, writing):
        return MarkdownTarget(tuple(sources[0].columns), writing)


@pytest.fixture(autouse=True)
def row(monkeypatch):
    spec = registry.FormatSpec(writer=f"{__name__}:Markdown", suffixes=(".md",), is_text=True)
    monkeypatch.setitem(registry.FORMATS, "markdown", spec)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_table_is_written_in_it(tmp_path, workers):
    source, output = tmp_path / "in.csv", tmp_path / "out.md"
    source.write_text("a,b\n" + "".join(f"{n},x|{n}\n" for n in range(5000)))
    job = {"expression": "a * 0.5", "into": "half", "workers": workers}
    parapply.run(parapply.Job(inputs=source, output=output, **job))
    lines = "".join(f"| {n} | x&#124;{n} | {n * 0.5} |\n" for n in range(5000))
    assert output.read_text() == f"| a | b | half |\n| --- | --- | --- |\n{lines}"


@pytest.mark.parametrize("asked", [None, "markdown"])
def test_it_is_not_read(tmp_path, asked):
    (tmp_path / "in.md").write_text("| a |\n")
    job = parapply.Job(expression="1", inputs=(str(tmp_path / "in.md"),), input_format=asked)
    with pytest.raises(
        parapply.ParapplyError, match=r"markdown: it is only written; there are: csv, "
    ):
        parapply.run(job)
