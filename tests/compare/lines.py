"""Makes command lines at random: most do something, some are refused, some meet broken inputs.

A line depends on the seed, its number and the options that there are, so that it can be made again
alone. Line after line has the next option of a shuffled deck: none is left to chance.
"""

from __future__ import annotations

import random
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.compare import options
from tests.compare.functions import CALLS, EXPRESSIONS, SUITS
from tests.compare.options import Option
from tests.compare.tables import BROKEN, SOUND

Card = TypeVar("Card")
DOWN = "COMPARE_DOWN"  # while it is set, a server that functions ask is down
AGAIN = ("--resume", "--retry-failed", "--force")  # options that make sense after a run that failed
_STREAMS = ("plain.csv", "plain.tsv", "plain.jsonl", "array.json", "plain.arrows", "many.csv",
            "plain.csv.gz", "bom.csv", "semicolon.csv", "ragged.csv", "empty.csv")  # fmt: skip
_SEVERAL = (("plain.csv", "parts"), ("plain.csv", "crlf.csv"), ("plain.csv", "plain.parquet"),
            ("plain.jsonl", "nested.jsonl"), ("plain.parquet", "parquets"),
            ("plain.csv", "other_columns.csv"), ("plain.csv", "missing.csv"))  # fmt: skip
_MOSTLY = {"--workers": 0.8, "--output": 0.6, "--chunk-size": 0.35, "--on-error": 0.1}


@dataclass(frozen=True, slots=True)
class Line:
    """A command line, and what stands around it."""

    number: int
    words: tuple[str, ...]
    stdin: str | None = None  # a file of the folder
    piped: bool = False  # through a pipe, and not as the file itself
    before: tuple[str, ...] | None = None  # words of a run before it, while the server is down

    def __str__(self) -> str:
        """Write it as for a shell."""
        text = shlex.join(("parapply", *self.words))
        if self.stdin is not None:
            text = f"cat {self.stdin} | {text}" if self.piped else f"{text} < {self.stdin}"
        if self.before is not None:
            text = f"{DOWN}=1 {shlex.join(('parapply', *self.before))}; {text}"
        return text

    def uses(self, option: Option) -> bool:
        """Whether the option is there."""
        return any(word.partition("=")[0] in option.names for word in self.words)


class _Words:
    """Options of a line that grows: each once, whoever wants it first."""

    def __init__(self, all_options: Sequence[Option]) -> None:
        self._of = {name: one for one in all_options for name in one.names}
        self._given: dict[str, list[str]] = {}

    def add(self, words: Sequence[str]) -> None:
        option = self._of.get(words[0].partition("=")[0])
        if option is not None:
            self._given.setdefault(option.name, list(words))

    def has(self, name: str) -> bool:
        return name in self._given

    def shuffled(self, generator: random.Random) -> list[str]:
        groups = list(self._given.values())
        generator.shuffle(groups)
        return [word for group in groups for word in group]


def make(number: int, seed: int, all_options: Sequence[Option]) -> Line:
    """Return the line of that number."""
    generator = random.Random(f"{seed} {number}")
    given = _Words(all_options)
    _take(_dealt(all_options, number, seed), given, generator, wrong=0.12)
    operands = _what(given, generator, _dealt_at(list(CALLS), number, (0, 2, 4, 6, 8), seed))
    broken = _dealt_at(BROKEN, number, (3,), seed)
    inputs, stdin = _inputs(
        given, generator, broken or _dealt_at(list(SOUND), number, (5, 7), seed)
    )
    for option in all_options:
        if generator.random() < _MOSTLY.get(option.name, 0.0):
            _take(option, given, generator, wrong=0.03)
    usual = _usual(all_options, text=bool(inputs) and ".csv" in inputs[0])
    for option in generator.sample(usual, generator.choice((0, 0, 1, 1, 2, 3))):
        _take(option, given, generator, wrong=0.05)
    if given.has("--expr"):  # then there is no function
        operands = []
    options_ = given.shuffled(generator)
    before = None
    if any(given.has(name) for name in AGAIN):
        before = (*(word for word in options_ if word not in AGAIN), *operands, *inputs)
    operands += inputs
    if generator.random() < 0.02:
        operands.reverse()
    words = [*operands, *options_] if generator.random() < 0.5 else [*options_, *operands]
    return Line(number, tuple(words), stdin, generator.random() < 0.6, before)


def _dealt(cards: Sequence[Card], place: int, seed: int) -> Card:
    """Return what comes at that place where all cards are dealt, and all again, ..."""
    deal, place = divmod(place, len(cards))
    deck = list(cards)
    random.Random(f"{seed} deal {deal} of {len(cards)}").shuffle(deck)
    return deck[place]


def _dealt_at(cards: Sequence[Card], number: int, digits: Sequence[int], seed: int) -> Card | None:
    """Deal to lines whose number ends in one of the digits; None is dealt to others."""
    tens, digit = divmod(number, 10)
    if digit not in digits:
        return None
    return _dealt(cards, tens * len(digits) + digits.index(digit), seed)


def _usual(all_options: Sequence[Option], *, text: bool) -> list[Option]:
    """All but those that leave nothing else to do: they are dealt often enough."""
    ends = {"--help", "--version", "--expr", *(() if text else options.OF_TEXT)}
    return [one for one in all_options if one.name not in ends]


def _take(option: Option, given: _Words, generator: random.Random, *, wrong: float) -> None:
    given.add(options.words(option, generator, wrong=generator.random() < wrong))
    if generator.random() < 0.85:
        for words in options.needs(option):
            given.add(words)


def _what(given: _Words, generator: random.Random, dealt: str | None) -> list[str]:
    """Choose a function or an expression, and add its options; return the function as operand."""
    suited = next((SUITS[name] for name in SUITS if given.has(name)), None)
    if dealt is not None:
        name = dealt
    elif suited is not None and generator.random() < 0.9:
        name = generator.choice(suited)
    elif given.has("--expr") or generator.random() < 0.7:
        text = generator.choice(list(EXPRESSIONS))
        given.add(["-e", text])
        _add_all(EXPRESSIONS[text], given)
        return []
    else:
        name = generator.choice(list(CALLS))
    if generator.random() < 0.92:
        _add_all(CALLS[name], given)
    return [name]


def _inputs(
    given: _Words, generator: random.Random, dealt: str | None
) -> tuple[list[str], str | None]:
    """Choose the inputs, and add their options; return them with what standard input is."""
    chance = generator.random()
    if dealt is not None:
        name = dealt
    elif chance < 0.17:
        operand = generator.choice(([], ["-"], ["/dev/stdin"], ["plain.csv", "-"]))
        return operand, generator.choice(_STREAMS)
    elif chance < 0.27:
        return list(generator.choice(_SEVERAL)), None
    else:
        name = _sound(given, generator)
    if generator.random() < 0.95:
        _add_all(SOUND.get(name, ()), given)
    return [name], None


def _sound(given: _Words, generator: random.Random) -> str:
    """Choose an input; with options of text, mostly one that takes them."""
    names = ["plain.csv", "many.csv", *SOUND]
    if any(given.has(name) for name in options.OF_TEXT) and generator.random() < 0.8:
        names = [name for name in names if ".csv" in name and "--dialect" not in SOUND[name]]
    return generator.choice(names)


def _add_all(words: Sequence[str], given: _Words) -> None:
    for group in _groups(words):
        given.add(group)


def _groups(words: Sequence[str]) -> Iterator[list[str]]:
    """Cut words where an option begins; values of these do not begin with a hyphen."""
    group: list[str] = []
    for word in words:
        if word.startswith("-") and group:
            yield group
            group = []
        group.append(word)
    if group:
        yield group
