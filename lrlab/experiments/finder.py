"""What a person asks of the LR finder: between which LRs it looks, in how many steps, and how often it repeats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lrlab.errors import LabError
from lrlab.experiments.values import LearningRate, Part
from lrlab.schedules import LR_CAP, Parameter, number


class Finder(Part):
    """An LR range test: the LR grows from `lowest` to `highest` over `steps` updates, once for each of `seeds` seeds.

    `growth` "exponential" multiplies it at every step, "linear" adds to it. One such rise is a sweep; it ends before
    its last step where the smoothed loss is above `diverged` times the lowest so far.
    """

    lowest: LearningRate = 1e-7
    highest: LearningRate = 10.0
    steps: Annotated[int, Field(ge=10, le=10_000)] = 100
    growth: Literal["exponential", "linear"] = "exponential"
    seeds: Annotated[int, Field(ge=1, le=10)] = 1
    diverged: Annotated[float, Field(gt=1, le=1000, allow_inf_nan=False)] = 4.0

    @model_validator(mode="after")
    def _grows(self) -> Finder:
        if self.highest <= self.lowest:
            raise LabError(
                f"got {number(self.highest)}, allowed: above lowest, which is {number(self.lowest)}", "highest"
            )
        return self

    @property
    def updates(self) -> int:
        """The most optimiser updates that all its sweeps make together."""
        return self.steps * self.seeds

    def lr(self, step: int) -> float:
        """The LR of update `step` of a sweep, from 0 (`lowest`) to `steps` - 1 (`highest`)."""
        share = step / (self.steps - 1)
        if self.growth == "linear":
            return self.lowest + (self.highest - self.lowest) * share
        return self.lowest * math.pow(self.highest / self.lowest, share)


_ENTRIES = (
    Parameter(
        "lowest", "From LR", "float", 1e-7, "Where the LR begins: so low that the model hardly learns.",
        min=1e-10, max=1, log=True, unit="LR",
    ),
    Parameter(
        "highest", "To LR", "float", 10.0, "Where the LR ends, unless the loss diverges before.",
        min=1e-6, max=LR_CAP, log=True, unit="LR",
    ),
    Parameter(
        "steps", "Updates", "int", 100,
        "Optimiser updates of one sweep. With more of them the LR grows more slowly and the curve is clearer.",
        min=10, max=10_000, step=10, unit="updates",
    ),
    Parameter(
        "growth", "Growth", "choice", "exponential", "How the LR grows from one update to the next.",
        choices=(
            ("exponential", "exponential: by the same factor, over all orders of magnitude"),
            ("linear", "linear: by the same amount, to look closely between two LRs"),
        ),
    ),
    Parameter(
        "seeds", "Seeds", "int", 1,
        "So many sweeps with other weights and another order of images; more than one show how far to trust the curve.",
        min=1, max=10, step=1,
    ),
    Parameter(
        "diverged", "Diverged at", "float", 4.0,
        "A sweep ends where the smoothed loss is above this many times its lowest value so far.",
        min=1.1, max=1000, step=0.5, unit="times the lowest loss",
    ),
)  # fmt: skip

FINDER_FIELDS: Mapping[str, Parameter] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""The settings of the LR finder, as controls, the command line's help and the documentation show them."""
