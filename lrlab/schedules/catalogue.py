"""Every scheduler in words and ranges: what the page's controls, the help and the documentation are made from.

All texts of the room stand here. A range is what a slider covers; the spec may allow more, which can be typed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from lrlab.schedules.curve import warmup_updates
from lrlab.schedules.spec import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    Fixed,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    Scheduler,
    StepLR,
    Warmup,
)

Kind = Literal["int", "float", "list of int", "list of float", "bool", "choice", "text"]
Value = int | float | str | bool | tuple[int, ...] | tuple[float, ...]
Interval = Literal["epoch", "step"]


@dataclass(frozen=True)
class Parameter:
    """One thing that can be set, as a control shows it.

    `min`, `max`: the ends of the slider, both legal. `step`: its raster, which `start` lies on; 0 for a
    logarithmic slider, a choice, a switch or a text. `zero`: on a logarithmic slider, 0 is legal too and lies left
    of `min`. `choices`: (value, what it means) pairs of a choice.
    `unit`: "calls" (of `scheduler.step()`: epochs or steps, as the interval says), "factor", "LR", or a plain word.
    `share`: for a length, its start as a part of the run's calls; `reach`: its `max` as a multiple of them.
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
    share: float | tuple[float, ...] = 0
    reach: float = 1

    def unit_for(self, interval: Interval) -> str:
        """The unit as it is shown: a length in calls is one in epochs or in steps."""
        if self.unit == "calls":
            return "epochs" if interval == "epoch" else "steps"
        return self.unit


@dataclass(frozen=True)
class SchedulerEntry:
    """One scheduler: what it is, its formula (LaTeX; eta_0 is the optimiser's LR, k counts calls), when to use it."""

    name: str
    line: str
    formula: str
    when: str
    parameters: tuple[Parameter, ...]


def _length(name: str, help: str, *, share: float, low: int = 1, reach: float = 1) -> Parameter:
    return Parameter(
        name, name, "int", round(20 * share), help,
        min=low, max=round(20 * reach), step=1, unit="calls", share=share, reach=reach,
    )  # fmt: skip


def _factor(name: str, start: float, help: str, *, low: float = 0.0, high: float = 1.0) -> Parameter:
    return Parameter(name, name, "float", start, help, min=low, max=high, step=0.01, unit="factor")


LR = Parameter(
    "lr", "Base LR", "float", 0.001,
    "The LR given to the optimiser; the schedule multiplies or replaces it.",
    min=1e-6, max=10, log=True, unit="LR",
)  # fmt: skip

EPOCHS = Parameter(
    "epochs", "Epochs", "int", 20, "How many times the run goes through the training images.",
    min=1, max=200, step=1, unit="epochs",
)  # fmt: skip

STEPS_PER_EPOCH = Parameter(
    "steps_per_epoch", "Steps per epoch", "int", 30,
    "Optimiser updates in one epoch: training images divided by batch size, rounded down.",
    min=1, max=1000, step=1, unit="steps",
)  # fmt: skip

RUN: tuple[Parameter, ...] = (LR, EPOCHS, STEPS_PER_EPOCH)
"""What surrounds a schedule: the optimiser's LR and the length of the run."""

INTERVAL = Parameter(
    "interval", "Scheduler counts", "choice", "epoch",
    "Where the training loop calls scheduler.step(): every length of the scheduler counts these calls.",
    choices=(("epoch", "once at the end of every epoch"), ("step", "after every optimiser update")),
)  # fmt: skip

WARMUP: tuple[Parameter, ...] = (
    Parameter(
        "length", "Warm-up", "int", 3,
        "How long the LR rises, update by update, before the scheduler starts at its own beginning.",
        min=1, max=20, step=1, share=0.15,
    ),
    Parameter(
        "unit", "Warm-up counts", "choice", "epoch", "Whether the warm-up's length is in epochs or in steps.",
        choices=(("epoch", "epochs"), ("step", "steps")),
    ),
    Parameter(
        "start_factor", "Warm-up starts at", "float", 0.1,
        "The first update uses this factor times the LR; 0 makes the first update change nothing.",
        min=0, max=1, step=0.01, unit="factor",
    ),
)  # fmt: skip

_GAMMA = "The LR is multiplied by this at every drop; 1 changes nothing, above 1 raises the LR."

_ENTRIES = (
    SchedulerEntry(
        "Fixed",
        "The same LR from the first update to the last.",
        r"\eta_k = \eta_0",
        "The baseline that every schedule has to beat: train it first, and keep it for comparison.",
        (),
    ),
    SchedulerEntry(
        "StepLR",
        "The LR drops by the factor gamma after every step_size calls.",
        r"\eta_k = \eta_0 \cdot \gamma^{\lfloor k / \mathrm{step\_size} \rfloor}",
        "A first schedule that is easy to read in the loss: each drop shows. "
        "Two to four drops over the run are usual.",
        (
            _length("step_size", "Calls between two drops; from the run's length on, it never drops.", share=0.25),
            _factor("gamma", 0.5, _GAMMA),
        ),
    ),
    SchedulerEntry(
        "MultiStepLR",
        "The LR drops by the factor gamma at each milestone.",
        r"\eta_k = \eta_0 \cdot \gamma^{\,\#\{m \in \mathrm{milestones} \,:\, m \le k\}}",
        "When you know where the loss stops falling: place a drop just there. "
        "Residual networks are often trained with drops at half and three quarters of the run.",
        (
            Parameter(
                "milestones", "milestones", "list of int", (10, 15),
                "The calls at which the LR drops, in increasing order; one given twice drops twice.",
                min=0, max=20, step=1, unit="calls", share=(0.5, 0.75),
            ),
            _factor("gamma", 0.1, _GAMMA),
        ),
    ),
    SchedulerEntry(
        "ExponentialLR",
        "The LR is multiplied by gamma at every call.",
        r"\eta_k = \eta_0 \cdot \gamma^{k}",
        "A smooth decay without an end point. The longer the run, the closer gamma must be to 1: "
        "0.85 leaves 4 % after 20 calls and nothing to speak of after 100.",
        (
            Parameter(
                "gamma", "gamma", "float", 0.851,
                "The LR is multiplied by this at every call; 1 changes nothing, above 1 raises the LR.",
                min=0.501, max=1.123, step=0.001, unit="factor",
            ),
        ),
    ),
    SchedulerEntry(
        "CosineAnnealingLR",
        "Half a cosine from the LR down to eta_min in T_max calls.",
        r"\eta_k = \eta_{\min} + \tfrac{1}{2}\,(\eta_0 - \eta_{\min})"
        r"\left(1 + \cos\frac{\pi k}{T_{\max}}\right)",
        "A good default when the length of the run is fixed: a high LR for long, a gentle end. "
        "Set T_max to the run's length; past it the LR climbs again.",
        (
            _length("T_max", "Calls until the LR reaches eta_min; after that it climbs again.", share=1, reach=2),
            Parameter(
                "eta_min", "eta_min", "float", 1e-5, "The lowest LR of the cosine.",
                min=1e-8, max=1, log=True, zero=True, unit="LR",
            ),
        ),
    ),
    SchedulerEntry(
        "PolynomialLR",
        "The LR falls to zero in total_iters calls along a power of the calls left.",
        r"\eta_k = \eta_0 \left(1 - \frac{\min(k,\, \mathrm{total\_iters})}{\mathrm{total\_iters}}\right)"
        r"^{\mathrm{power}}",
        "Segmentation networks are often trained with power 0.9. "
        "1 is a straight line, more falls early, less falls late; past total_iters nothing is learnt any more.",
        (
            _length("total_iters", "Calls until the LR is zero; 0 never changes it.", share=1, low=0, reach=2),
            Parameter(
                "power", "power", "float", 2.0, "1 is a straight line; above 1 falls early, below 1 falls late.",
                min=0, max=5, step=0.1,
            ),
        ),
    ),
    SchedulerEntry(
        "LinearLR",
        "The LR times a factor that moves in a straight line from start_factor to end_factor.",
        r"\eta_k = \eta_0 \left(s + (e - s)\, \frac{\min(k,\, \mathrm{total\_iters})}{\mathrm{total\_iters}}\right),"
        r"\quad s = \mathrm{start\_factor},\; e = \mathrm{end\_factor}",
        "From 1 down to 0 it is the linear decay that fine-tuning uses; from a small factor up to 1 it is a warm-up.",
        (
            _factor("start_factor", 1.0, "The factor on the LR at the first call.", low=0.01),
            _factor("end_factor", 0.0, "The factor on the LR from call total_iters on."),
            _length(
                "total_iters", "Calls from start_factor to end_factor; 0 keeps start_factor for ever.",
                share=1, low=0, reach=2,
            ),
        ),
    ),
    SchedulerEntry(
        "ConstantLR",
        "A reduced LR for the first total_iters calls, then the LR itself.",
        r"\eta_k = \eta_0 \cdot \begin{cases} \mathrm{factor} & k < \mathrm{total\_iters} \\"
        r" 1 & \text{otherwise} \end{cases}",
        "A warm-up in one step, such as for the first epochs after a layer of a trained network was replaced.",
        (
            _factor("factor", 0.3, "The factor on the LR until call total_iters.", low=0.01),
            _length("total_iters", "Calls with the reduced LR; 0 keeps it for ever.", share=0.25, low=0),
        ),
    ),
)  # fmt: skip

CATALOGUE: Mapping[str, SchedulerEntry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every scheduler by its name, in the order in which a person meets them; ranges are those of a 20-call run."""

_CLASSES: Mapping[str, type[Scheduler]] = MappingProxyType(
    {
        specification.__name__: specification
        for specification in (
            Fixed, StepLR, MultiStepLR, ExponentialLR, CosineAnnealingLR, PolynomialLR, LinearLR, ConstantLR,
        )
    }
)  # fmt: skip


def parameters(name: str, calls: int) -> tuple[Parameter, ...]:
    """The parameters of scheduler `name` with ranges and starts for a run of `calls` calls (at least 1).

    Raises KeyError for a name that is not in CATALOGUE.
    """
    fitted = tuple(_fit(parameter, calls) for parameter in CATALOGUE[name].parameters)
    return tuple(_fit_gamma(calls, parameter) for parameter in fitted) if name == "ExponentialLR" else fitted


def starting(
    name: str, interval: Interval, epochs: int, steps_per_epoch: int, warmup: Warmup | None = None
) -> Scheduler:
    """Scheduler `name` with lengths that suit the run: a cosine that ends with it, drops at its quarters, and so on.

    With a `warmup` the lengths are those of the calls that it leaves. Raises KeyError for an unknown name.
    """
    warm = warmup_updates(warmup, steps_per_epoch)
    calls = epochs - warm // steps_per_epoch if interval == "epoch" else epochs * steps_per_epoch - warm
    return _CLASSES[name].model_validate({field.name: field.start for field in parameters(name, max(calls, 1))})


def warmup_parameters(unit: Interval, epochs: int, steps_per_epoch: int) -> tuple[Parameter, ...]:
    """WARMUP with ranges and starts for a warm-up counted in `unit`: at most the whole run, at first 15 % of it."""
    most = epochs if unit == "epoch" else epochs * steps_per_epoch
    length, choice, factor = WARMUP
    start = min(max(1, round(0.15 * most)), most)
    length = replace(length, start=start, max=max(2, most), unit="epochs" if unit == "epoch" else "steps")
    return length, replace(choice, start=unit), factor


def _fit(parameter: Parameter, calls: int) -> Parameter:
    if parameter.unit != "calls":
        return parameter
    highest = max(round(parameter.reach * calls), int(parameter.min) + 1)
    if isinstance(parameter.share, tuple):
        # A run of one or two calls has no room for all of them: those that coincide are given once.
        return replace(
            parameter, max=highest, start=tuple(sorted({max(1, round(share * calls)) for share in parameter.share}))
        )
    return replace(parameter, max=highest, start=max(1, round(parameter.share * calls)))


def _fit_gamma(calls: int, gamma: Parameter) -> Parameter:
    """The range of a factor applied at every call: from a millionth left at the end of the run to ten times the LR."""
    low, start, high = (left ** (1 / calls) for left in (1e-6, 0.04, 10.0))
    step = 10.0 ** math.floor(math.log10((high - low) / 200))
    digits = max(0, -round(math.log10(step)))
    return replace(
        gamma,
        min=round(math.floor(low / step) * step, digits),
        max=round(math.ceil(high / step) * step, digits),
        start=round(start, digits),
        step=step,
    )
