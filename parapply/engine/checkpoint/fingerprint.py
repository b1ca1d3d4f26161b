"""What makes two runs the same: their input, function, arguments and options. In the parent."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from parapply.execute.entries import is_list, is_text
from parapply.model.job import Job, on_error
from parapply.model.records import fields
from parapply.model.version import __version__
from parapply.storage import durable
from parapply.storage.api import FILE
from parapply.storage.registry import file_system_of, kind_of

# What has no say in the bytes that come out.
_IRRELEVANT = frozenset((
    "inputs", "output", "workers", "backend", "start_method", "max_errors", "timeout", "retries",
    "retry_on", "function", "expression", "arguments", "checkpoint", "resume", "retry_failed",
    "force", "errors_to", "on_error", "lock", "temp_dir", "memory_limit", "max_tasks_per_worker",
    "no_clobber", "on_message", "log_file", "rate", "concurrency",
))  # fmt: skip


def fingerprint(job: Job, files: Sequence[str], function: Any) -> dict[str, Any]:
    """Return what is to be compared: plain values that JSON holds, by what a person calls them.

    `files` are all that is read, `function` the callable, or None for an expression. Inputs are
    known by their bytes, not by their times: a file that was copied is the same.
    """
    options = {
        one.name: _plain(getattr(job, one.name))
        for one in fields(job)
        if one.name not in _IRRELEVANT
    }
    options |= {"on_error": on_error(job), "errors_to": job.errors_to}
    return {
        "version": __version__,
        "input": [[path, durable.digest(path)] for path in files],
        "shared": [[path, durable.digest(path)] for path in _shared(job)],
        "function": [_said(job), _source(function)],
        "arguments": _plain(dict(job.arguments)),
        "options": options,
    }


def is_fingerprint(old: Any) -> bool:
    """Whether it is what `fingerprint` gave, as JSON has it."""
    return (
        isinstance(old, dict)
        and old.keys() >= {"version", "input", "shared", "function", "arguments", "options"}
        and all(is_list(old[name], is_text, is_text) for name in ("input", "shared"))
        and isinstance(old["options"], dict)
        and all(map(str.isidentifier, old["options"]))
        and is_text(old["version"])
        and re.fullmatch(r"[\w.+-]{1,40}", old["version"]) is not None  # a person is told of both
    )


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what differs, in words, the worst first."""
    found = []
    if old.get("version") != new["version"]:
        found.append(f"parapply itself, which was {old.get('version')}")
    found += _changed_files("input", old.get("input", []), new["input"])
    found += _changed_files("shared file", old.get("shared", []), new["shared"])
    before, after = old.get("options", {}), new["options"]
    found += [
        f"the option --{name.replace('_', '-')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    if old.get("function") != new["function"]:
        found.append("the function")
    if old.get("arguments") != new["arguments"]:
        found.append("the function's arguments")
    return found


def _changed_files(kind: str, old: list[list[str]], new: list[list[str]]) -> list[str]:
    if [path for path, _ in old] != [path for path, _ in new]:
        return [f"the list of {kind}s"]
    return [f"the {kind} {one[0]}" for one, other in zip(old, new, strict=True) if one != other]


def _shared(job: Job) -> list[str]:
    """Return the files that are given with --share, and those of folders that are."""
    paths = [os.fspath(one) for one in job.share.values() if isinstance(one, str | os.PathLike)]
    return [file for path in paths for file in sorted(_files(path))]


def _files(path: str) -> Iterator[str]:
    if kind_of(path) == FILE:
        yield path
    for folder, _, names in file_system_of(path).walk(path):
        yield from (os.path.join(folder, name) for name in names)


def _said(job: Job) -> str:
    if job.expression is not None:
        return job.expression
    return job.function if isinstance(job.function, str) else "a function"


def _source(function: Any) -> str | None:
    """Return a digest of the file in which the function stands, or of the function itself."""
    if function is None:
        return None
    while hasattr(function, "func"):  # a partial: what it was given is among the arguments
        function = function.func
    function = inspect.unwrap(function)
    try:
        path = inspect.getsourcefile(function)
        if path is not None:
            return durable.digest(path)
    except (TypeError, OSError):
        pass
    code = getattr(function, "__code__", None)
    import hashlib  # 4 ms, which most jobs do without

    return None if code is None else hashlib.blake2b(code.co_code, digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return json.loads(json.dumps(value, default=repr, sort_keys=True))
