"""What the doctor finds: a place, what is wrong there, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`wrong` and `remedy` are sentences without their full stop, such as "steps-1.csv ends in half a row".

    With `repair` the remedy is what the doctor does ("the half row is cut off"); without, what a person may do.
    """

    place: str
    """What it is about, as a person knows it: "run ab12", "data set coffee", "queue"."""
    wrong: str
    remedy: str
    repair: Callable[[], object] | None = None


def some(names: list[str]) -> str:
    """How many there are, and the first of them."""
    return f"{len(names):,}, the first is {names[0]!r}" if len(names) > 1 else repr(names[0])
