"""What a person asks of the LR finder: between which LRs it looks, in how many steps, and how often it repeats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lrlab.errors import LabError
from lrlab.experiments.values import LearningRate, Part


class Finder(Part):
    """An LR range test: the LR grows from `lowest` to `highest` over `steps` updates, once for each of `seeds` seeds.

    `growth` "exponential" multiplies it at every step, "linear" adds to it. A test ends before its last step where the
    smoothed loss is above `diverged` times the lowest so far.
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
            raise LabError(f"got {self.highest:g}, allowed: above lowest, which is {self.lowest:g}", "highest")
        return self
