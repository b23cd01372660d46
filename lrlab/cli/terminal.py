"""What a terminal shows: lines, tables and JSON on stdout; remarks, questions and a progress bar on stderr."""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from lrlab.errors import LabError

BAR = 24
"""Characters of the bar itself."""


def say(text: str = "") -> None:
    """One line, or several, on stdout."""
    sys.stdout.write(printable(text) + "\n")


def note(text: str) -> None:
    """A remark beside the output, on stderr."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def complain(text: str) -> None:
    """Why the command was refused."""
    note(f"error: {text}")


def printable(text: str) -> str:
    """`text` without the control characters by which a file's name could drive the terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else f"\\x{ord(character):02x}" for character in text
    )


def say_json(value: Any) -> None:
    """`value` as JSON on stdout: NumPy's numbers as numbers, NaN and infinities as null."""
    say(json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return _plain(value.tolist())
    if type(value).__name__ == "NAType":  # pandas' missing whole number
        return None
    return str(value)


def say_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> None:
    """A table on stdout: columns as wide as they need be, those named in `right` flush right."""
    shown = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    to_the_right = [name in set(right) for name in head]
    for row in shown:
        cells = [
            " " * (width - _width(cell)) + cell if right else cell + " " * (width - _width(cell))
            for cell, width, right in zip(row, widths, to_the_right, strict=True)
        ]
        say("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Columns of the terminal; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def percent(share: float | None) -> str:
    """A share as an accuracy is read: 93.1 %; "-" where there is none."""
    return "-" if share is None or not math.isfinite(share) else f"{100 * share:.1f} %"


def counted(epoch: Any) -> str:
    """An epoch of a log, which counts from 0, as a person counts it; "-" where there is none."""
    plain = _plain(epoch)
    return "-" if plain is None else str(plain + 1)


def moment(unix: float) -> str:
    """A time as the clock on the wall shows it."""
    return datetime.fromtimestamp(unix).strftime("%Y-%m-%d %H:%M")


def ask(question: str, without: str) -> bool:
    """Whether the person says yes; LabError where there is nobody to ask, naming the option `without` asking."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise LabError(f"{question} There is no terminal to answer on; give {without} to go on")
    sys.stderr.write(f"{printable(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _bar(share: float) -> str:
    filled = round(BAR * min(max(share, 0.0), 1.0))
    return f"[{'#' * filled}{'.' * (BAR - filled)}] {100 * share:3.0f} %"


class Bar:
    """A progress bar on stderr; where that is no terminal, a line whenever `mark` changes."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._drawn = ""
        self._mark: object = None

    def show(self, share: float | None, text: str, *, mark: object) -> None:
        """`share`: 0 to 1, or None where it is not known. `mark`: what a new line is worth."""
        if self._live:
            self._draw(printable(text if share is None else f"{_bar(share)}  {text}"))
        elif mark != self._mark:
            self._mark = mark
            note(text if share is None else f"{100 * share:3.0f} %  {text}")

    def _draw(self, text: str) -> None:
        room = shutil.get_terminal_size().columns - 1
        while _width(text) > room:
            text = text[:-1]
        if text != self._drawn:
            # Spaces wipe the rest of an older, longer line.
            sys.stderr.write("\r" + text + " " * max(0, _width(self._drawn) - _width(text)))
            sys.stderr.flush()
            self._drawn = text

    def close(self) -> None:
        """Leaves the bar as it stands; what follows begins on a new line."""
        if self._drawn:
            sys.stderr.write("\n")
            self._drawn = ""


class Steps:
    """A `Progress` of the room of data sets, drawn as a bar a few times a second."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._what = ""
        self._next = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self._what or done == total or now >= self._next:
            self._what, self._next = what, now + 0.1
            text = f"{what}: {done:,} of {total:,}" if total else what
            self._bar.show(done / total if total else None, text, mark=what)
