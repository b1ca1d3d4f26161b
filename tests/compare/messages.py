"""Makes standard error comparable: what no two runs have alike is written alike.

That is the folder, names of temporary files, durations, frames of a bar on the way, how many rows
had failed when they were too many, which worker said something and who came first, and (with -v) by
which of parapply's own lines an error came.
"""

from __future__ import annotations

import re
from pathlib import Path

# What a worker said (in the file of --log-file, when), or what was heard of one by a message.
_WORKER = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]?\d* )?(parapply-\d+: |(?=heard ))")
_TRACE = "Traceback (most recent call last):"
_SAME = (
    (re.compile(r"(\r[^\r\n]*)+\r"), ""),  # frames of the bar, each over the one before it
    (re.compile(r"\|[^|\r\n]*\| ([\d.]+k?/[\d.]+k?) \[[^]\r\n]*\]"), r"BAR \1"),  # the last one
    (re.compile(r"rows \[\d[^]\r\n]*rows/s\]"), "rows BAR"),  # where the total is not known
    (re.compile(r"\d+\.\d\d s, (\d+ chunks)"), r"N s, \1"),
    (re.compile(r"\d[\d,]* rows failed, more than"), "N rows failed, more than"),  # as it was seen
    (re.compile(r"\.parapply-[\w.-]+"), ".parapply-NAME"),
    (re.compile(r"\bparapply-[a-z0-9_]{8}\b"), "parapply-NAME"),
    (re.compile(r"\bparapply(\.\w+)+\.(\w+Error|\w+Signal|Ended)\b"), r"\2"),
    (re.compile(r"\b0x[0-9a-f]{6,}"), "0xADDRESS"),
)


def normal(text: str, folder: Path) -> str:
    """Return the text as it would be in any folder, at any time."""
    text = text.replace(str(folder), "FOLDER")
    for pattern, same in _SAME:
        text = pattern.sub(same, text)
    lines = _without_frames(text.splitlines())
    said = sorted(
        _WORKER.sub("parapply-N: ", line, count=1) for line in lines if _WORKER.match(line)
    )
    return "\n".join([*said, *(line for line in lines if not _WORKER.match(line))])


def _without_frames(lines: list[str]) -> list[str]:
    """Leave out of tracebacks what is not in the folder: it is free to move."""
    kept, skipping = [], False
    for line in lines:
        if re.match(r'\s+File "', line):
            skipping = 'File "FOLDER/' not in line and "-e" not in line
        elif not line.startswith("    ") or _TRACE in line:
            skipping = False
        if not skipping:
            kept.append(line)
    return kept
