"""What a person sees: the bar, one line for an error, and how the process ends. In the parent."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from parapply.model.errors import PUBLISHED, ParapplyError

if TYPE_CHECKING:
    from parapply.model.events import Event, Progress
    from parapply.model.job import Job
    from parapply.model.report import Report


class Bar:
    """A Listener that shows one bar, in rows; tqdm is imported only where one is to be shown."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown
        self._bar: Any = None

    def on(self, event: Event) -> None:
        """Hear of what happens in the run."""
        from parapply.model.events import Progress

        if isinstance(event, Progress):
            self._update(event)

    def _update(self, progress: Progress) -> None:
        """Show how far the run is.

        A row counts nine tenths when its result is there and wholly when that is in the output,
        so that the bar is full only when the work is done. It never goes back.
        """
        if self._bar is None:
            self._bar = _make_bar(progress.total)
        if progress.failed:
            self._bar.set_postfix_str(f"{progress.failed:,} failed", refresh=False)
        done = (9 * progress.computed + progress.written) // 10
        if done > self._bar.n:
            self._bar.update(done - self._bar.n)
        else:
            self._bar.refresh()

    def finish(self, rows: int) -> None:
        """Fill the bar: everything is in the output."""
        if self._bar is not None:
            self._bar.update(rows - self._bar.n)
            self._bar.close()

    def clear(self) -> None:
        """Take the bar away, before an error is said."""
        if self._bar is not None:
            self._bar.leave = False
            self._bar.close()


def is_terminal() -> bool:
    """Whether standard error is a terminal that can show a bar."""
    try:
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):
        return False


def say(text: str) -> None:
    """Write a line to standard error; where that is closed, nobody wants to know."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(text, file=sys.stderr, flush=True)


def say_error(error: ParapplyError, verbose: bool) -> None:
    """Write one line; of an error in the user's code their own frames too, or all of them."""
    say("parapply: error: " + _one_line(str(error)))
    details = error.details
    if verbose:
        import traceback

        say(error.full or "".join(traceback.format_exception(error)).rstrip())
    elif details:
        say("".join(f"  {line}\n" for line in details.splitlines()).rstrip())


def _shown(character: str) -> str:
    """A character of a message, which is one line whatever values it quotes."""
    return character if character.isprintable() else repr(character)[1:-1]


def say_failures(report: Report, job: Job, verbose: bool) -> None:
    """Write one line of the rows that were set aside; `verbose`: one for each different error."""
    if not report.failed:
        return
    from parapply.model.job import on_error
    from parapply.model.outcome import OTHERS

    what = "left out" if on_error(job) == "skip" else "kept without a result"
    where = f", in {job.errors_to}" if job.errors_to is not None else ""
    several = f"{report.rows_in:,} rows" if report.groups is None else f"{report.groups:,} groups"
    line = f"parapply: {report.failed:,} of {several} failed and were {what}{where}"
    first, *others = report.causes
    if verbose:
        say(_one_line(line))
        for cause in report.causes:
            say(_one_line(f"  {cause.rows:,} x {cause.text} (first: {cause.place})"))
        return
    line += f": {first.rows:,} x " if others else ": "
    line += f"{first.text} (first: {first.place})"
    if others:
        count = "many" if others[-1].text == OTHERS else len(others)
        line += f", and {count} other error{'s' * (len(others) > 1)} (-v lists them)"
    say(_one_line(line))


def say_hints(report: Report) -> None:
    """Write what the person may have meant otherwise."""
    for hint in report.hints:
        say(_one_line(f"parapply: {hint}"))


def say_ended(number: int, end: BaseException, output: str) -> None:
    """Write one line of what a signal means for the output."""
    from parapply.storage.atomic.output import STDOUT

    name = signal.Signals(number).name
    how = "interrupted" if number == signal.SIGINT else f"ended by {name}"
    if PUBLISHED in getattr(end, "__notes__", ()):
        what = f"; {PUBLISHED}"
    else:
        what = "" if output in STDOUT else "; nothing was written"
    say(f"parapply: {how}{what}")


def _one_line(text: str) -> str:
    shown = "".join(map(_shown, text))
    return shown if len(shown) <= 1000 else shown[:997] + "..."


def say_report(report: Report) -> None:
    """Write what was done, in one line."""
    say(
        f"parapply: {report.rows_in:,} rows in, {report.rows_out:,} out, {report.seconds:.2f} s, "
        f"{report.chunks} chunks, {report.workers} workers ({report.backend})"
        + (f", {_megabytes(report.sorted_bytes)} on disk" if report.sorted_bytes else "")
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def say_counts(report: Report) -> None:
    """Write what the function counted, in one line, if it counted anything."""
    values = [f"{name} {value:,}" for name, value in {**report.counts, **report.gauges}.items()]
    if values:
        say("parapply: " + ", ".join("".join(map(_shown, value)) for value in values))


def say_notes(report: Report) -> None:
    """Write what is not as it should be, though the output is in place."""
    for note in report.notes:
        say(_one_line(f"parapply: warning: {note}"))


def say_stopped(report: Report) -> None:
    """Write that not all rows were worked on, as that is not seen from the exit code."""
    say(f"parapply: the function ended the run with worker.stop(): {report.rows_in:,} rows in")


def _columns() -> int:
    """How wide the terminal is; 0 where it does not say (docker -t, script)."""
    try:
        return os.get_terminal_size(2).columns
    except OSError:
        return 0


def _make_bar(total: int | None) -> Any:
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its thread would be there when workers are forked
    tqdm.set_lock(threading.RLock())  # its own has a semaphore, which a signal would leave behind
    return tqdm(
        total=total, unit=" rows", unit_scale=True, file=getattr(sys.stderr, "beneath", sys.stderr),
        dynamic_ncols=_columns() > 0, ncols=None if _columns() > 0 else 80,
        mininterval=0, miniters=0, smoothing=0.1,
    )  # fmt: skip
