"""What is said of a row that failed: where, why, and with which values. In the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parapply.columns.arrays import to_list
from parapply.execute.call import Call
from parapply.execute.policy import FailedRow, Failure, LostWorkerError
from parapply.execute.time_limit import RowTimeoutError
from parapply.formats.api import Batch
from parapply.formats.nouns import Field
from parapply.functions.tracebacks import user_traceback, whole_traceback
from parapply.model.errors import BadRowsError, LookedAtError, ResultError, RowError, UnseenError
from parapply.model.outcome import MANY


class Explainer:
    """Explains the failures of one batch; what the same error was is said once."""

    def __init__(
        self, call: Call, batch: Batch, fields: tuple[Field, ...], where: Callable[[int], str]
    ) -> None:
        self.call, self.batch, self.fields, self.where = call, batch, fields, where
        self._said: set[str] = set()

    def explain(self, error: BaseException, row: int) -> Failure:
        """Return what is to be said of the row at a position, and keep the user's traceback."""
        if isinstance(error, (ResultError, LookedAtError)):
            place = self.where(row)
            text = str(error)
            return Failure(text, text.removeprefix(f"{place}, ").replace(place, "it"), place)
        cause = self._cause(error)
        policy = self.call.policy
        known = cause in self._said or (policy.tolerant and len(self._said) >= MANY)
        wanted = self._traced(error) and (policy.traces or not known)
        details = user_traceback(error) if wanted else ""
        if policy.tolerant and known:
            return Failure("", cause, self.where(row), details)
        self._said.add(cause)
        return self._whole(error, cause, self.where(row), self._values_of(row), details)

    def of_span(self, error: BaseException, place: str) -> Failure:
        """The same, for rows that a chunk function was given together."""
        cause = self._cause(error)
        details = user_traceback(error) if self._traced(error) else ""
        return self._whole(error, cause, place, "", details)

    def error(self, failed: FailedRow, failures: Mapping[int, Failure]) -> RowError:
        """Return what ends the run."""
        failure, policy = failed.failure, self.call.policy
        message = failure.message
        if policy.tolerant:
            failure = failures[min(failures)]
            message = f"more than {policy.most:,} rows failed (--max-errors): {failure.message}"
        return RowError(message, failure.details, failure.full)

    def _whole(
        self, error: BaseException, cause: str, place: str, values: str, details: str
    ) -> Failure:
        raised = self._raised(error, cause)
        message = f"{place}: {raised}" + (f" [{values}]" if values else "")
        of_none = "=None" in values or (self.call.grouping and "NoneType" in cause)
        if of_none and isinstance(error, (TypeError, AttributeError)):
            message += "; a missing value is None: say what becomes of it, as in `x and x * 2`"
        if isinstance(error, MemoryError) and self.call.policy.memory_limit is not None:
            message += (
                f"; --memory-limit {self.call.policy.memory_limit} is what each worker may take"
            )
        full = whole_traceback(error) if self._traced(error) else ""
        return Failure(message, cause, place, details, full)

    def _raised(self, error: BaseException, cause: str) -> str:
        if isinstance(error, LostWorkerError):
            return f"{cause} on this row"
        if isinstance(error, RowTimeoutError):
            return f"{self.call.name} {cause.partition(': ')[2]}"
        return f"{self.call.name} raised {cause}"

    def _cause(self, error: BaseException) -> str:
        if isinstance(error, LostWorkerError):
            return f"the worker {error}"
        if isinstance(error, RowTimeoutError):
            return f"TimeoutError: took longer than {self.call.policy.timeout_s:g} s"
        text = _text(error)
        return type(error).__name__ + (f": {text}" if text else "")

    def _traced(self, error: BaseException) -> bool:
        """Whether a traceback would tell anything."""
        ours = isinstance(error, (LostWorkerError, RowTimeoutError))
        return not ours and self.call.expression is None

    def _values_of(self, row: int) -> str:
        shown: list[str] = []
        if self.call.grouping is not None:  # its key has been named, and it has many values
            return ""
        for position in self.call.read[:8] or self.call.given[:8]:
            try:
                value = repr(self._value(position, row))
            except (UnseenError, BadRowsError):
                continue
            cut = value if len(value) <= 40 else value[:37] + "..."
            shown.append(f"{self.fields[position].name}={cut}")
        return ", ".join(shown)

    def _value(self, position: int, row: int) -> Any:
        """Return a value as the function was given it."""
        if (held := self.batch.held(position)) is not None:
            return held[row]
        return to_list(self.batch.columns([position])[0].slice(row, 1))[0]


def _text(error: BaseException) -> str:
    """The text of an exception, of whatever class the user made; all characters can be written."""
    try:
        keyed = isinstance(error, KeyError) and error.args
        text = str(error.args[0]) if keyed else str(error)
    except BaseException:  # noqa: BLE001  code of the exception's own class: anything may come
        return ""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return cut.encode(errors="backslashreplace").decode()


_LONGEST = 10_000  # characters: a row's error may hold a whole page of a server
