"""Lengths as a person types them, in epochs, steps or per cent of the run, and what one length is in the others."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from lrlab.errors import LabError, shown
from lrlab.schedules.parameter import Interval
from lrlab.schedules.words import number

LONGEST = 10_000_000
"""The longest length that a scheduler takes, in calls."""

_TYPED = re.compile(
    r"\s*(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+\.?[0-9]*|\.[0-9]+)\s*(?P<unit>[a-z]+(?: cent)?|%)?\s*",
    re.IGNORECASE | re.ASCII,
)
_UNITS = {
    "epoch": ("epoch", "epochs", "ep"),
    "step": ("step", "steps", "update", "updates", "iteration", "iterations"),
    "call": ("call", "calls"),
    "%": ("%", "percent", "per cent"),
}


def in_calls(text: str, interval: Interval, epochs: int, steps_per_epoch: int, calls: int) -> int:
    """The length that `text` says, in whole calls of `scheduler.step()`.

    "5" is 5 calls; "5 epochs" and "150 steps" are turned into calls of a run in which `interval` says where they come;
    "25 %" is a share of `calls`, the run's own number of them. What is no whole number is rounded, to 1 at least; only
    0 is 0. Raises LabError (field "length") for anything else, and for more than LONGEST calls.
    """
    typed = _TYPED.fullmatch(text) if len(text) <= 40 else None
    unit = _unit(typed["unit"] or "call") if typed else None
    if typed is None or unit is None:
        quarter = max(1, epochs // 4)
        raise LabError(
            f"length: got {shown(text)}, allowed: a number of calls, or one with its unit, such as "
            f"{_counted(quarter, 'epoch')}, {_counted(quarter * steps_per_epoch, 'step')} or 25 %",
            field="length",
        )
    length = Fraction(typed["number"].replace(",", "")) * _calls_in(unit, interval, steps_per_epoch, calls)
    if length > LONGEST:
        raise LabError(
            f"length: got {shown(text)}, which is {math.floor(length):,} calls, allowed: at most {LONGEST:,}",
            field="length",
        )
    return max(1, math.floor(length + Fraction(1, 2))) if length else 0


def equivalents(length: int, interval: Interval, epochs: int, steps_per_epoch: int, calls: int | None = None) -> str:
    """What `length` calls are in the other units, such as "5 epochs = 150 steps = 25 %".

    Per cent are of `calls`, as in `in_calls`; without it, of the whole run. Where a number is rounded, ≈ and the word
    "rounded" say so.
    """
    if calls is None:
        calls = epochs if interval == "epoch" else epochs * steps_per_epoch
    other: Interval = "step" if interval == "epoch" else "epoch"
    in_other = Fraction(length) / _calls_in(other, interval, steps_per_epoch, calls)
    text, rounded = _counted(length, interval), False
    for value, unit in ((in_other, other), (Fraction(100 * length, max(calls, 1)), "%")):
        written = _counted(value, unit)
        exact = Fraction(written.split()[0].replace(",", "")) == value
        text += f" {'=' if exact else '≈'} {written}"
        rounded |= not exact
    return f"{text} (rounded)" if rounded else text


def _unit(typed: str) -> str | None:
    return next((unit for unit, spellings in _UNITS.items() if typed.lower() in spellings), None)


def _calls_in(unit: str, interval: Interval, steps_per_epoch: int, calls: int) -> Fraction:
    """How many calls one `unit` is."""
    if unit == "%":
        return Fraction(max(calls, 1), 100)
    if unit in ("call", interval):
        return Fraction(1)
    return Fraction(steps_per_epoch) if unit == "epoch" else Fraction(1, steps_per_epoch)


def _counted(value: Fraction | int, unit: str) -> str:
    """The value with its unit: whole numbers in full, others to three digits."""
    written = f"{int(value):,}" if value == int(value) else number(float(value))
    return f"{written} {unit if unit == '%' or value == 1 else unit + 's'}"
