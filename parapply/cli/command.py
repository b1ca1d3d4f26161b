"""The command: options become a Job, the job is run, and what came of it becomes an exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from parapply.cli import console, process
from parapply.cli.beginning import closed
from parapply.cli.options import Command, options
from parapply.model.errors import InputError, OutputError, ParapplyError, UsageError
from parapply.model.version import __version__

if TYPE_CHECKING:
    from parapply.model.job import Job


@click.command(
    cls=Command,
    help="Run a Python function over every row of a table, on all cores.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.argument("operands", nargs=-1, metavar="FUNCTION [INPUT]...")
@options
@click.version_option(__version__, prog_name="parapply")
def command(operands: tuple[str, ...], **settings: Any) -> None:
    """Turn options into a Job and run it."""
    from parapply.model.job import Job

    expression = settings.pop("expr")
    function, inputs = _operands(operands, expression)
    quiet, verbose = settings.pop("quiet"), settings.pop("verbose")
    bar = console.Bar((settings.pop("progress") or console.is_terminal()) and not quiet)
    job = Job(
        function=function,
        expression=expression,
        inputs=inputs,
        arguments=dict(settings.pop("arguments")),
        share=dict(settings.pop("share")),
        dtypes=dict(settings.pop("dtypes")),
        **settings,
    )
    _run(job, bar, quiet=quiet, verbose=verbose)


def main() -> NoReturn:
    """Run the command and exit: 0 done, 1 failed, 2 usage, 75 locked; or die of a signal."""
    try:
        command.main(prog_name="parapply", standalone_mode=False)
    except click.UsageError as error:
        console.say(f"parapply: error: {error.format_message()} (parapply --help)")
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        process.die_of(signal.SIGINT)
    except process.Signalled as end:
        process.die_of(end.number)
    except SystemExit as end:
        process.leave(end)
    process.leave(SystemExit(0))


def _run(job: Job, bar: console.Bar, *, quiet: bool, verbose: bool) -> None:
    from parapply.storage.atomic.staging import remove_all

    stdout = process.protect_stdout()
    number = 0
    try:
        _check_open(job)
        _limit_threads(job)
        from parapply.engine.run import run

        gc.freeze()
        gc.enable()  # the user's code begins
        with process.Signals():
            report = run(job, stdout=stdout, listeners=[bar] if bar.shown else ())
    except ParapplyError as error:
        bar.clear()
        console.say_error(error, verbose)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read the output has had enough
        bar.clear()
        number = signal.SIGPIPE
    except (process.Signalled, KeyboardInterrupt) as end:  # or raised by the function
        bar.clear()
        remove_all()
        number = getattr(end, "number", signal.SIGINT)
        console.say_ended(number, end, job.output)
    except MemoryError as error:
        bar.clear()
        short = ParapplyError("out of memory; a smaller --chunk-size or fewer --workers may help")
        short.__cause__ = error
        console.say_error(short, verbose)
        sys.exit(short.exit_code)
    except Exception as error:  # noqa: BLE001 - a fault of ours is still one line
        bar.clear()
        from parapply.storage.system_limits import met

        kind, text = type(error).__name__, str(error).partition("\n")[0]
        whole = ParapplyError(met(error) or f"internal error: {kind}: {text} (-v shows where)")
        whole.__cause__ = error
        console.say_error(whole, verbose)
        sys.exit(whole.exit_code)
    except BaseException:
        bar.clear()
        raise
    if number:  # anew: the one that was caught holds on to everything that there was
        raise process.Signalled(number)
    bar.finish(report.rows_in)
    console.say_failures(report, job, verbose)
    console.say_notes(report)
    if report.stopped and not quiet:
        console.say_stopped(report)
    if verbose or bar.shown:
        console.say_hints(report)
        console.say_counts(report)
    if verbose:
        console.say_report(report)


def _check_open(job: Job) -> None:
    """Refuse to read, or write, a standard stream that whoever started the command has closed."""
    from parapply.storage.atomic.output import STDOUT

    if 0 in closed and "-" in job.inputs:
        raise InputError("standard input is closed, and no INPUT is named")
    if 1 in closed and {job.output, job.errors_to} & {*STDOUT}:
        raise OutputError("standard output is closed, and no file is named for it (-o FILE)")


def _limit_threads(job: Job) -> None:
    """Give libraries a worker's share of the cores, before one is loaded and starts its threads."""
    from parapply.backends import cores
    from parapply.backends import registry as backends

    if backends.has_processes(job.backend):
        share = cores.share(cores.count_workers(job.workers))
        os.environ.update(cores.thread_settings(share, os.environ))


def _operands(
    operands: tuple[str, ...], expression: str | None
) -> tuple[str | None, tuple[str, ...]]:
    """Tell FUNCTION and INPUTs apart, and say so where they look swapped."""
    from parapply.functions.find import is_reference

    if expression is not None:
        return None, _inputs(operands)
    if not operands:
        _short_help()
    function, *inputs = operands
    named = next((text for text in inputs if is_reference(text)), None)
    if not is_reference(function) and named is not None and os.path.exists(function):
        raise click.UsageError(f"FUNCTION comes first: parapply {named} {function}")
    return function, _inputs(tuple(inputs))


def _inputs(inputs: tuple[str, ...]) -> tuple[str, ...]:
    if not inputs and sys.stdin is not None and sys.stdin.isatty():
        _short_help()
    return inputs or ("-",)


def _short_help() -> NoReturn:
    console.say(
        "Usage: parapply [OPTIONS] FUNCTION [INPUT]...\n"
        "       parapply [OPTIONS] -e EXPR  [INPUT]...\n"
        "Name a function (file.py:NAME) and a table, or pipe one in; parapply --help says more."
    )
    sys.exit(UsageError.exit_code)
