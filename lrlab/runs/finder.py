"""What an LR finder's run came to: its sweeps, the LRs they suggest and how each was found, or why there is none.

Everything is read from the log, finished or not. A row's `epoch` is the sweep, from 0; `loss` is its batch's, before
the update with `lr`; `smoothed` is the bias-corrected running mean by which the sweep was stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from lrlab.experiments import Finder
from lrlab.runs.suggesting import INTERVAL, LEAST, Found, minimum, slide, steepest, valley
from lrlab.schedules import number

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Method = Literal["valley", "steepest", "minimum", "slide"]

TITLES: dict[Method, str] = {
    "valley": "Valley",
    "steepest": "Steepest",
    "minimum": "Minimum / 10",
    "slide": "Slide",
}
"""The methods, the one to be trusted first at the head."""

BETA = 0.98
"""The smoothed loss keeps this part of itself at each update; a loss then counts for some fifty updates."""

FIRST_LEFT_OUT = 10
"""A sweep's first tenth is not read: the running mean is not settled there."""
LAST_LEFT_OUT = 5
"""Nor are its last five updates, in which the loss shoots up."""

FALLS = 0.02
"""A loss that falls by less than this part of its beginning has not fallen."""

SURE = 4.0
"""A fall is told from chance where it is so many standard errors of the means that are compared."""

DISAGREE = 10.0
"""Seeds whose LRs differ by more than this factor give no suggestion together."""


@dataclass(frozen=True)
class Sweep:
    """One rise of the LR: `lr`, `loss` and `smoothed` of shape (updates,), as logged. `diverged`: it was stopped early.

    `asked`: the updates that it was to make.
    """

    number: int
    lr: Floats
    loss: Floats
    smoothed: Floats
    asked: int
    diverged: bool

    @property
    def read(self) -> slice:
        """The rows that suggestions are read off: finite, without the first tenth and the last five."""
        finite = np.isfinite(self.smoothed) & np.isfinite(self.loss)
        count = len(finite) if finite.all() else int(np.argmin(finite))
        return slice(self.asked // FIRST_LEFT_OUT, max(count - LAST_LEFT_OUT, 0))


@dataclass(frozen=True)
class Suggestion:
    """One method's LR, None where it has none. `sentence`: how it was found, or why there is none.

    `each`: what every sweep by itself suggests, in their order.
    """

    method: Method
    lr: float | None
    sentence: str
    each: tuple[float, ...] = ()

    @property
    def title(self) -> str:
        return TITLES[self.method]


@dataclass(frozen=True)
class Findings:
    """`sweeps` with at least one update; the suggestions of every method; `reason`: why there is none at all, or empty.

    `notes`: sentences on what else the curves show.
    """

    finder: Finder
    sweeps: tuple[Sweep, ...]
    suggestions: tuple[Suggestion, ...]
    reason: str = ""
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Suggestion | None:
        """The first suggestion that there is."""
        return next((one for one in self.suggestions if one.lr is not None), None)

    @property
    def band(self) -> tuple[Floats, Floats, Floats, Floats]:
        """LR, and the lowest, mean and highest smoothed loss of all sweeps, as far as all of them went."""
        count = min((len(sweep.lr) for sweep in self.sweeps), default=0)
        if not count:
            return (np.zeros(0),) * 4
        losses = np.stack([sweep.smoothed[:count] for sweep in self.sweeps])
        return self.sweeps[0].lr[:count], losses.min(0), losses.mean(0), losses.max(0)


def findings(finder: Finder, steps: pd.DataFrame, *, ended: bool = True) -> Findings:
    """What the log `steps` of a run with the settings `finder` says; `ended`: nothing will be added to it.

    While it grows only the sweeps that are over are read for suggestions.
    """
    sweeps = read_sweeps(finder, steps)
    over = sweeps if ended else tuple(one for one in sweeps if one.diverged or len(one.lr) == one.asked)
    if not over:
        reason = "No update was made." if ended else ""
        return Findings(finder, sweeps, (), reason)
    obstacles = [(sweep, said) for sweep in over if (said := _obstacle(finder, sweep))]
    if obstacles:
        return Findings(finder, sweeps, (), _together(obstacles, len(over)))
    suggestions = tuple(_suggested(method, over) for method in TITLES)
    reason = "" if any(one.lr for one in suggestions) else "No method finds an LR; each says why."
    return Findings(finder, sweeps, suggestions, reason, _notes(finder, over))


def read_sweeps(finder: Finder, steps: pd.DataFrame) -> tuple[Sweep, ...]:
    """The sweeps in a finder's log, in their order."""
    found = []
    numbers = steps["epoch"].to_numpy()
    for place in range(int(numbers.max()) + 1 if len(numbers) else 0):
        rows = steps[numbers == place]
        lr, loss, smoothed = (rows[name].to_numpy(float) for name in ("lr", "loss", "smoothed"))
        found.append(Sweep(place, lr, loss, smoothed, finder.steps, has_diverged(finder, smoothed)))
    return tuple(one for one in found if len(one.lr))


def has_diverged(finder: Finder, smoothed: Floats) -> bool:
    """Whether the last of these smoothed losses ends a sweep: not a finite number, or far above the lowest so far."""
    last = smoothed[-1]
    return not math.isfinite(last) or bool(last > finder.diverged * smoothed.min())


class Smoother:
    """The bias-corrected running mean of the losses given to it, one value an update."""

    def __init__(self) -> None:
        self._sum, self._weight = 0.0, 1.0

    def __call__(self, loss: float) -> float:
        self._sum += (1 - BETA) * (loss - self._sum)
        self._weight *= BETA
        return self._sum / (1 - self._weight)


# ---- why there is no suggestion --------------------------------------------------------------------------------------


def _obstacle(finder: Finder, sweep: Sweep) -> str:
    """Why no method can read anything off `sweep`, a sentence; empty where they can."""
    rows = sweep.read
    count = rows.stop - rows.start
    if count < LEAST:
        return _too_short(finder, sweep)
    loss, smoothed = sweep.loss[: rows.stop + LAST_LEFT_OUT], sweep.smoothed[rows]
    # Beside the smoothed curve, which lags behind, means of a few updates each tell a fall from chance.
    window = max(5, sweep.asked // FIRST_LEFT_OUT)
    means = np.convolve(loss, np.full(window, 1 / window), "valid")
    begin, low = float(means[0]), float(means.min())
    noise = float(np.sqrt(np.mean(np.diff(loss[: rows.start + LEAST]) ** 2) / 2))
    limit = max(FALLS * abs(begin), SURE * noise * math.sqrt(2 / window))
    if begin - low >= limit and smoothed[0] > smoothed.min():
        return ""
    where = f"from the LR {number(sweep.lr[0])} to {number(sweep.lr[-1])}"
    if float(means.max()) - begin < limit:
        return (
            f"The loss stays flat {where}: {begin:.3g} at the beginning, {float(means[-1]):.3g} at the end. "
            "It may take higher LRs, more updates, or another model."
        )
    return (
        f"The loss never falls {where}: it begins at {begin:.3g} and is {low:.3g} at its lowest, which may be chance "
        f"(single batches differ by some {noise:.2g}). More updates give a model more time to learn on the way."
    )


def _too_short(finder: Finder, sweep: Sweep) -> str:
    made = len(sweep.lr)
    if sweep.diverged:
        return (
            f"The loss diverges at once: after {made:,} of {sweep.asked:,} updates, at the LR {number(sweep.lr[-1])}. "
            "Begin at a lower LR."
        )
    needed = math.ceil((LEAST + LAST_LEFT_OUT) / (1 - 1 / FIRST_LEFT_OUT))
    if made < sweep.asked:
        return f"Too few points: stopped after {made:,} of {sweep.asked:,} updates, and {needed} are needed at least."
    return f"Too few points: {made:,} updates, and {needed} are needed at least."


def _together(obstacles: Sequence[tuple[Sweep, str]], of: int) -> str:
    sweep, said = obstacles[0]
    if of == 1:
        return said
    if len(obstacles) == of:
        return f"None of the {of} seeds gives a suggestion. With the first of them: {said}"
    return (
        f"The seeds disagree: {len(obstacles)} of {of} give no suggestion. With seed {sweep.number + 1} of {of}: {said}"
    )


# ---- the suggestions -------------------------------------------------------------------------------------------------


def _suggested(method: Method, sweeps: Sequence[Sweep]) -> Suggestion:
    """What `method` reads off `sweeps`: of several the geometric mean, where they agree."""
    each = [_METHODS[method](sweep.lr[sweep.read], sweep.smoothed[sweep.read]) for sweep in sweeps]
    found = [one for one in each if one]
    if len(found) < len(each):
        return Suggestion(method, None, _no_bend(len(each) - len(found), len(each)))
    rates = tuple(one.lr for one in found)
    if max(rates) > DISAGREE * min(rates):
        return Suggestion(
            method, None,
            f"The {len(rates)} seeds disagree: from {number(min(rates))} to {number(max(rates))}, "
            f"more than a factor of {DISAGREE:g}.",
            rates,
        )  # fmt: skip
    lr = rates[0] if len(rates) == 1 else math.exp(sum(map(math.log, rates)) / len(rates))
    spread = "" if len(rates) == 1 else f" Over {len(rates)} seeds: {number(min(rates))} to {number(max(rates))}."
    return Suggestion(method, lr, _how(method, found) + spread + _caution(lr, sweeps), rates)


_METHODS = {"valley": valley, "steepest": steepest, "minimum": minimum, "slide": slide}


def _how(method: Method, found: Sequence[Found]) -> str:
    start, end = (number(_middle([getattr(one, name) for one in found])) for name in ("start", "end"))
    if method == "valley":
        return f"The middle of the longest fall of the loss, which goes from {start} to {end}."
    if method == "steepest":
        return "Where the loss falls fastest as the LR grows by equal factors."
    if method == "minimum":
        return f"A tenth of the LR at which the loss is lowest, {end}."
    return (
        f"An interval of {INTERVAL} updates slides down from the highest LR while the slopes at its two ends differ; "
        "this is its lower end where they no longer do."
    )


def _caution(lr: float, sweeps: Sequence[Sweep]) -> str:
    """What is to be said of an LR that is higher than the one with the lowest loss."""
    lowest = _middle([minimum(sweep.lr[sweep.read], sweep.smoothed[sweep.read]).end for sweep in sweeps])
    if lr <= lowest:
        return ""
    return f" It lies beyond {number(lowest)}, where the loss is lowest, so it is likely to be too high."


def _no_bend(without: int, of: int) -> str:
    who = "" if of == 1 else f" with {without} of {of} seeds"
    return f"The interval finds no bend in the curve to stop at{who}: the slopes at its ends are alike, or nowhere are."


def _middle(rates: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, rates)) / len(rates))


def _notes(finder: Finder, sweeps: Sequence[Sweep]) -> tuple[str, ...]:
    """What else is to be known before a suggestion is trusted."""
    whole = [sweep for sweep in sweeps if not sweep.diverged and len(sweep.lr) == sweep.asked]
    if whole and any(int(np.argmin(sweep.smoothed)) >= sweep.read.stop - 1 for sweep in whole):
        return (
            f"The loss still falls at the highest LR, {number(finder.highest)}: what is best may lie above it. "
            "Let the LR grow further.",
        )
    return ()
