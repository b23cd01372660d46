"""What a person types into a control, read: numbers in any of the usual spellings, lengths with or without a unit."""

from __future__ import annotations

import math
import re
from typing import Literal

from lrlab.charts.composer.state import PreviewState
from lrlab.errors import LabError, shown
from lrlab.schedules.lengths import equivalents, in_calls

Kind = Literal["int", "float", "length", "lengths", "text", "formula"]
Interval = Literal["epoch", "step"]

LONGEST = 40
"""Characters of a typed number."""


class Ruler:
    """Turns lengths of a state's controls into whole calls and back into words.

    A length of the scheduler counts calls of its `step()`, one of the warm-up what the warm-up counts, one of a recipe
    what the recipe counts.
    """

    def __init__(self, state: PreviewState) -> None:
        composition = state.composition
        self._epochs, self._steps = composition.epochs, composition.steps_per_epoch
        self._own: dict[str, tuple[Interval, int]] = {
            "scheduler": (composition.schedule.interval, max(composition.calls, 1))
        }
        warmup = composition.schedule.warmup
        if warmup:
            self._own["warmup"] = self._whole(warmup.unit)
        if state.recipe:
            self._own["recipe"] = self._whole(state.recipe.recipe.interval)

    def calls(self, field: str, text: str) -> int:
        """The whole calls that `text` means in the control `field`."""
        interval, calls = self._of(field)
        return in_calls(text, interval, self._epochs, self._steps, calls)

    def words(self, field: str, length: int) -> str:
        """`length` in every unit, such as "5 epochs = 150 steps = 25 %"."""
        interval, calls = self._of(field)
        return equivalents(length, interval, self._epochs, self._steps, calls)

    def unit(self, field: str) -> str:
        """What the control `field` counts: "epochs" or "steps"."""
        return f"{self._of(field)[0]}s"

    def _of(self, field: str) -> tuple[Interval, int]:
        return self._own.get(field.partition(".")[0], self._own["scheduler"])

    def _whole(self, unit: Interval) -> tuple[Interval, int]:
        return unit, self._epochs * (self._steps if unit == "step" else 1)


def read(text: str, kind: Kind, field: str, ruler: Ruler) -> int | float | str | list[int]:
    """The value that `text` stands for; LabError, its field `field`, where it stands for none."""
    if kind == "length":
        return read_length(text, field, ruler)
    if kind == "lengths":
        return [read_length(part, field, ruler) for part in _parts(text)]
    return read_number(text, kind, field) if kind == "int" or kind == "float" else text


def read_length(text: str, field: str, ruler: Ruler) -> int:
    """The whole calls that `text` means, such as "5", "5 epochs", "150 steps" or "25 %"."""
    try:
        return ruler.calls(field, text)
    except LabError as error:
        raise LabError(str(error), field=field) from error


def read_number(text: str, kind: Literal["int", "float"], field: str) -> int | float:
    """A number as people write it: 0.001, 1e-3, 0,001; LabError for anything else."""
    plain = text.strip().replace(",", ".")
    try:
        if len(plain) > LONGEST:
            raise ValueError
        value = int(plain) if kind == "int" else float(plain)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        example = "a whole number, such as 20" if kind == "int" else "a number, such as 0.001 or 1e-3"
        raise LabError(f"got {shown(text)}, allowed: {example}", field=field)
    return value


def _parts(text: str) -> list[str]:
    """ "10, 15" and "10 15" are two lengths, "5 epochs, 50 %" are two, too."""
    parts = [part for part in re.split(r"[,;]", text) if part.strip()]
    words = text.split()
    return words if len(parts) == 1 and all(word.isdigit() for word in words) else parts
