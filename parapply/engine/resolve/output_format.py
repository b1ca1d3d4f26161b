"""How an output is written: by its name, its options, and what the inputs are. In the parent."""

from __future__ import annotations

from parapply.engine.inputs.sources import Inputs
from parapply.engine.resolve.grouping import is_each, returns_to_rows
from parapply.formats import registry as formats
from parapply.formats.api import Target
from parapply.formats.nouns import Writing
from parapply.model.errors import UsageError
from parapply.model.job import Job
from parapply.storage.atomic.output import STDOUT
from parapply.storage.codecs import encodings
from parapply.storage.codecs.compression import WRITTEN, codec_of, suffix_of


def make_target(
    job: Job,
    inputs: Inputs,
    output: str,
    format_: str | None = None,
    compression: str | None = None,
    *,
    keeps_rows: bool = False,
) -> Target:
    """Return how an output is written; raises UsageError where its name does not say it."""
    codec = codec_of(output)
    path = output.rstrip("/") if codec else output
    path = path[: len(path) - len(suffix_of(codec))]
    name = format_ or formats.name_of(path)
    if name is None and output.endswith("/"):
        name = inputs.format
    if name is None and (output in STDOUT or output.startswith("/dev/")):
        name = inputs.format if formats.goes_to_pipes(inputs.format) else "csv"
    if name is None:
        raise UsageError(
            f"{output}: the name does not say which format to write; use {_or_suffix(job, output)}"
        )
    if codec is not None and codec not in WRITTEN:
        raise UsageError(f"{output}: {codec} is only read; take .gz or .zst")
    formats.check_written(output, name)
    compression, is_text = compression or codec, formats.FORMATS[name].is_text
    if is_text and compression not in (None, "none", *WRITTEN):
        raise UsageError(f"--compression {compression}: there are: {', '.join(WRITTEN)}")
    if codec and not is_text:
        raise UsageError(f"{output}: {name} is compressed inside; use --compression")
    if is_text and compression == "none":
        compression = None
    encoding = encodings.output_encoding(job.output_encoding)
    if job.output_encoding is None and inputs.format == name:
        encoding = inputs.encoding
    if output == job.output:
        _check_dialects(job, inputs.format, name)
    keeps_all = not (job.only or job.select or (job.group_by and not is_each(job)))
    same = inputs.format == name
    dialects = job.output_dialect, job.dialect
    anew = job.reduce is not None or (bool(job.group_by) and not returns_to_rows(job))
    writing = Writing(compression, encoding, same, *dialects, keeps_all, anew, keeps_rows)
    return formats.target(name, inputs.sources, writing)


def _check_dialects(job: Job, read: str, written: str) -> None:
    if job.output_dialect is not None and not formats.FORMATS[written].dialects:
        raise UsageError(f"--to-dialect {job.output_dialect} is for CSV; the output is {written}")
    either = formats.FORMATS[read].dialects or formats.FORMATS[written].dialects
    if job.dialect is not None and not either:
        raise UsageError(f"--dialect {job.dialect} is for CSV; here is {read}, and then {written}")


def _or_suffix(job: Job, output: str) -> str:
    if output != job.output:
        return "a name with a suffix: .csv, .tsv, .jsonl, .parquet or .arrow"
    return f"--to {'|'.join(formats.written_names())}"
