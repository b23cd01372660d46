"""What the catalogue is made of: one thing that can be set, as a control shows it, and one scheduler."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from lrlab.schedules.table import Table
from lrlab.schedules.values import LR_CAP

Kind = Literal["int", "float", "list of int", "list of float", "bool", "choice", "text", "table", "groups"]
Value = int | float | str | bool | tuple[int, ...] | tuple[float, ...] | Table
Interval = Literal["epoch", "step"]
Source = tuple[str, str]
"""A title and the https address where it can be read."""


@dataclass(frozen=True)
class Parameter:
    """One thing that can be set, as a control shows it.

    `min`, `max`: the ends of the slider, both legal. `step`: its raster, which `start` lies on; 0 for a
    logarithmic slider, a choice, a switch, a text, a table or named groups. `zero`: on a logarithmic slider, 0 is legal
    too and lies left of `min`. `choices`: (value, what it means) pairs of a choice.
    `unit`: "calls" (of `scheduler.step()`: epochs or steps, as the interval says), "factor", "LR", or a plain word.
    `optional`: what it means that the parameter is not set, which it is not at first (None in the spec); `start` is
    then the value it takes when it is switched on. Empty: it always has a value.
    `needs`: the parameter beside it, and its value, without which this one changes nothing.
    `share`: for a length, its start as a part of the run's calls; `reach`: its `max` as a multiple of them.
    `decades`: for an LR, how many decades its slider reaches below and above the decade of the base LR, and its start
    as a multiple of the base LR.
    """

    name: str
    title: str
    kind: Kind
    start: Value
    help: str
    min: float = 0
    max: float = 0
    step: float = 0
    log: bool = False
    zero: bool = False
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    optional: str = ""
    needs: tuple[str, str | bool] | None = None
    share: float | tuple[float, ...] = 0
    reach: float = 1
    decades: tuple[int, int, float] | None = None

    def unit_for(self, interval: Interval) -> str:
        """The unit as it is shown: a length in calls is one in epochs or in steps."""
        if self.unit == "calls":
            return "epochs" if interval == "epoch" else "steps"
        return self.unit


@dataclass(frozen=True)
class Form:
    """One of several ways in which a scheduler can be given. `name` is the field of the spec that holds it."""

    name: str
    title: str
    line: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class SchedulerEntry:
    """One scheduler: what it is, its formula (LaTeX; eta_0 is the optimiser's LR, k counts calls), when to use it.

    `group`: its family, a key of GROUPS. `source`: the papers and documentation it comes from. `intervals`: where its
    `step()` may be called.
    """

    name: str
    line: str
    formula: str
    when: str
    parameters: tuple[Parameter, ...]
    group: str
    source: tuple[Source, ...]
    intervals: tuple[Interval, ...] = ("epoch", "step")


def length(name: str, help: str, *, share: float, low: int = 1, reach: float = 1, optional: str = "") -> Parameter:
    """A length in calls."""
    return Parameter(
        name, name, "int", round(20 * share), help,
        min=low, max=round(20 * reach), step=1, unit="calls", share=share, reach=reach, optional=optional,
    )  # fmt: skip


def factor(name: str, start: float, help: str, *, low: float = 0.0, high: float = 1.0) -> Parameter:
    """A factor on the LR, in hundredths."""
    return Parameter(name, name, "float", start, help, min=low, max=high, step=0.01, unit="factor")


def rate(name: str, help: str, *, below: int, above: int, times: float, zero: bool = False) -> Parameter:
    """An LR of its own, on a logarithmic slider around the base LR; `times` of it at first."""
    return Parameter(
        name, name, "float", 0.001 * times, help,
        min=0.001 * 10**-below, max=0.001 * 10**above, log=True, zero=zero, unit="LR", decades=(below, above, times),
    )  # fmt: skip


def switch(name: str, start: bool, help: str) -> Parameter:
    return Parameter(name, name, "bool", start, help)


def choice(name: str, help: str, *choices: tuple[str, str]) -> Parameter:
    """One of several words, the first one at first."""
    return Parameter(name, name, "choice", choices[0][0], help, choices=choices)


def documentation(name: str) -> Source:
    """torch's own page about the scheduler `name`."""
    page = f"https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.{name}.html"
    return f"PyTorch documentation: {name}", page


def fitted(parameter: Parameter, calls: int, lr: float) -> Parameter:
    """`parameter` with the range and start of a run of `calls` calls at the LR `lr`, where it is a length or an LR."""
    if parameter.decades:
        below, above, times = parameter.decades
        decade = min(max(math.floor(math.log10(lr)), -12), 2)
        least, most = float(f"1e{decade - below}"), min(float(f"1e{decade + above}"), LR_CAP)
        start = min(max(float(f"{lr * times:.6g}"), least), most) if times else 0.0
        return replace(parameter, min=least, max=most, start=start)
    if parameter.unit != "calls":
        return parameter
    low = int(parameter.min)
    highest = max(round(parameter.reach * calls), low + 1)
    if isinstance(parameter.share, tuple):
        # A short run has no room for all of them: those that coincide are given once.
        places = tuple(sorted({max(low, 1, round(share * calls)) for share in parameter.share}))
        return replace(parameter, max=max(highest, *places), start=places)
    start = max(low, 1, round(parameter.share * calls)) if parameter.share else low
    return replace(parameter, max=highest, start=start)
