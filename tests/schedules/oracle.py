"""The oracle: torch's own optimiser and schedulers, stepped where a training loop steps them, without a model."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.optim import lr_scheduler

from lrlab.errors import LabError
from lrlab.schedules import LR_CAP, ScheduleSpec, curve
from lrlab.schedules.formula import parse_formula

TORCH_RAISES = (ValueError, ZeroDivisionError, NotImplementedError, OverflowError)


class Formula:
    """A formula as Python's own expression; it raises what Python raises."""

    def __init__(self, text: str, total: int, steps: int, offset: int) -> None:
        names = {"epoch": "epoch", "step": f"(epoch * {steps})", "total": f"{float(total)!r}"}
        names["t"] = f"min((epoch + {offset}) / {max(total, 1)}, 1.0)"
        self.code = compile(parse_formula(text).python(names), text, "eval")

    def __call__(self, epoch: int) -> float:
        value = eval(self.code, {"math": math}, {"epoch": float(epoch)})  # noqa: S307
        if isinstance(value, complex) or not math.isfinite(value) or value < 0:
            raise ValueError(f"{value} at {epoch}")
        return value


def by_table(table: Any) -> Callable[[int], float]:
    """A table of points, from its description: written without NumPy's interpolation, which the product uses."""

    def value(call: int) -> float:
        points = table.points
        after = bisect_right([point for point, _ in points], call)
        if after == 0 or after == len(points) or table.interpolation == "step":
            return points[max(after - 1, 0)][1]
        (x0, y0), (x1, y1) = points[after - 1], points[after]
        share = (call - x0) / (x1 - x0)
        return y0 ** (1 - share) * y1**share if table.scale == "log" else y0 + (y1 - y0) * share

    return value


def build(spec: Any, optimizer: torch.optim.Optimizer, total: int, steps: int, offset: int = 0) -> Any:
    """torch's scheduler for `spec`; `total` calls in the run, `steps` updates between two calls."""
    if spec.name == "Fixed":
        return lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)
    if spec.name == "SequentialLR":
        starts = (0, *spec.milestones)
        inner = [build(one, optimizer, total, steps, offset + starts[at]) for at, one in enumerate(spec.schedulers)]
        return lr_scheduler.SequentialLR(optimizer, inner, list(spec.milestones))
    if spec.name == "ChainedScheduler":
        return lr_scheduler.ChainedScheduler([build(one, optimizer, total, steps, offset) for one in spec.schedulers])
    if spec.name == "LambdaLR" and spec.table:
        return lr_scheduler.LambdaLR(optimizer, by_table(spec.table))
    if spec.name in ("LambdaLR", "MultiplicativeLR"):
        return getattr(lr_scheduler, spec.name)(optimizer, Formula(spec.formula, total, steps, offset))
    return getattr(lr_scheduler, spec.name)(optimizer, **spec.model_dump(exclude={"name"}))


def torch_values(
    spec: ScheduleSpec, lr: float, epochs: int, steps_per_epoch: int, metrics: list[float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """LR and momentum of every update; NaN for a momentum that nothing has moved. Raises what torch raises."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=0.0)
    (group,) = optimizer.param_groups
    group["momentum"] = math.nan
    per_step = spec.interval == "step"
    warm = spec.warmup.length * (steps_per_epoch if spec.warmup.unit == "epoch" else 1) if spec.warmup else 0
    left = max(epochs * steps_per_epoch - warm, 0)
    total = left if per_step else -(-left // steps_per_epoch)
    scheduler = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if spec.scheduler.name != "Fixed":
            scheduler = build(spec.scheduler, optimizer, total, 1 if per_step else steps_per_epoch)
        optimizer.step()
        start, lrs, momenta = group["lr"], [], []
        for update in range(epochs * steps_per_epoch):
            if update < warm:
                factor = spec.warmup.start_factor
                group["lr"] = lr * (factor + (1 - factor) * update / warm)
            elif update == warm:
                group["lr"] = start
            lrs.append(group["lr"])
            momenta.append(group["momentum"])
            ends_epoch = (update + 1) % steps_per_epoch == 0
            if scheduler and update >= warm and (ends_epoch or per_step):
                scheduler.step(metrics[update // steps_per_epoch]) if metrics else scheduler.step()
    return np.array(lrs, dtype=float), np.array(momenta, dtype=float)


def assert_follows_torch(
    spec: ScheduleSpec, lr: float, epochs: int, steps_per_epoch: int, metrics: list[float] | None = None
) -> None:
    """The curve equals torch's values; where torch raises or its LR leaves [0, LR_CAP], the curve is refused."""
    try:
        expected, momenta = torch_values(spec, lr, epochs, steps_per_epoch, metrics)
    except TORCH_RAISES:
        with pytest.raises(LabError):
            curve(spec, lr, epochs, steps_per_epoch, metrics)
        return
    highest, lowest = expected.max(), expected.min()
    if math.isclose(highest, LR_CAP, rel_tol=1e-9):  # whether rounding lands on the limit or beside it says nothing
        return
    if not highest <= LR_CAP or lowest < -1e-12 * highest:
        with pytest.raises(LabError, match="allowed: at"):
            curve(spec, lr, epochs, steps_per_epoch, metrics)
        return
    drawn = curve(spec, lr, epochs, steps_per_epoch, metrics)
    assert drawn.lr.dtype == np.float64
    assert_allclose(drawn.lr, expected, rtol=1e-9, atol=1e-12 * highest)
    if drawn.momentum is None:
        assert np.isnan(momenta).all()
    else:
        assert_allclose(drawn.momentum, momenta, rtol=1e-9, atol=1e-12)
