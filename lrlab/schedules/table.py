"""A schedule drawn by hand: points of a LambdaLR, and what lies between them."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_POINTS = 200

Call = Annotated[float, Field(ge=0, le=20_000_000, allow_inf_nan=False)]
Height = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Table(BaseModel):
    """Points (call, factor on the base LR), and how the factor goes from one to the next.

    "linear": along a straight line, of the factor or, with scale "log", of its logarithm (every factor is then above
    0). "step": it stays until the next point. Before the first point it has the first one's value, after the last one
    the last one's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: tuple[tuple[Call, Height], ...] = Field(min_length=1, max_length=MAX_POINTS)
    interpolation: Literal["linear", "step"] = "linear"
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _in_order(self) -> Table:
        for (before, _), (after, _) in zip(self.points, self.points[1:], strict=False):
            if after <= before:
                raise ValueError(f"points: got {after:g} after {before:g}, allowed: each call after the one before it")
        if self.scale == "log" and self.interpolation == "linear":
            for call, factor in self.points:
                if factor == 0:
                    raise ValueError(f"points: got factor 0 at call {call:g}, allowed: above 0 on a logarithmic scale")
        return self

    def __call__(self, call: NDArray[np.float64]) -> NDArray[np.float64]:
        """The factor at each call."""
        calls, factors = np.array(self.points, dtype=float).T
        if self.interpolation == "step":
            return np.asarray(factors[np.maximum(np.searchsorted(calls, call, side="right") - 1, 0)])
        if self.scale == "log":
            return np.asarray(np.exp(np.interp(call, calls, np.log(factors))))
        return np.asarray(np.interp(call, calls, factors))
