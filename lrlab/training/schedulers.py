"""From a ScheduleSpec to torch's own scheduler, driven as the loop goes, and the proof that it follows the preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer, lr_scheduler

from lrlab.errors import LabError
from lrlab.schedules import Fixed, ScheduleSpec, curve

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far torch's LR may be from the previewed one: relative to it, and to the largest LR of the run."""

REPORT_EVERY = 1 << 17
"""Updates between two reports of `check`: about a third of a second where torch is stepped for each."""


class Driver:
    """Calls the scheduler where the loop is: `after_update()` after every optimiser step, `after_epoch()` at its end.

    Between two calls every parameter group holds the LR of the next update. During a warm-up of W updates, update u
    uses base x (start_factor + (1 - start_factor) x u / W); at update W each group has its scheduler's value at 0.
    From there the scheduler is stepped after each update, or, with interval "epoch", at the end of every epoch, first
    of the one in which update W lies. `optimizer` comes with its base LRs; each group keeps its own.
    """

    def __init__(self, spec: ScheduleSpec, optimizer: Optimizer, steps_per_epoch: int) -> None:
        self._optimizer = optimizer
        self._bases = [float(group["lr"]) for group in optimizer.param_groups]
        self._scheduler = _build(spec, optimizer)
        # torch's schedulers go on from the LR that they find, so the warm-up gives back what it found.
        self._starts = [float(group["lr"]) for group in optimizer.param_groups]
        self._per_update = spec.interval == "step"
        self._updates = 0
        self._warm, self._start_factor = 0, 1.0
        if spec.warmup:
            self._warm = spec.warmup.length * (steps_per_epoch if spec.warmup.unit == "epoch" else 1)
            self._start_factor = spec.warmup.start_factor
            self._warm_up()

    def after_update(self) -> None:
        """One optimiser update was made."""
        self._updates += 1
        if self._updates <= self._warm:
            self._warm_up()
        elif self._per_update and self._scheduler:
            self._scheduler.step()

    def after_epoch(self) -> None:
        """The last update of an epoch was made, and `after_update()` was told."""
        if not self._per_update and self._scheduler and self._updates > self._warm:
            self._scheduler.step()

    def _warm_up(self) -> None:
        if self._updates == self._warm:
            values = self._starts
        else:
            factor = self._start_factor + (1 - self._start_factor) * self._updates / self._warm
            values = [base * factor for base in self._bases]
        for group, value in zip(self._optimizer.param_groups, values, strict=True):
            group["lr"] = value

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here; the LRs themselves are in the optimiser's state."""
        return {
            "updates": self._updates,
            "bases": self._bases,
            "starts": self._starts,
            "scheduler": self._scheduler.state_dict() if self._scheduler else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken. Build the driver first, then load the optimiser's state and this one:
        building a scheduler changes the LR that it finds."""
        self._updates = state["updates"]
        self._bases, self._starts = list(state["bases"]), list(state["starts"])
        if self._scheduler:
            self._scheduler.load_state_dict(state["scheduler"])


def _build(spec: ScheduleSpec, optimizer: Optimizer) -> lr_scheduler.LRScheduler | None:
    """torch's scheduler on `optimizer`; None for Fixed, which needs none."""
    if isinstance(spec.scheduler, Fixed):
        return None
    # Specs bear torch's names for classes and parameters, so that nothing is translated here that could be translated
    # wrongly; `check` compares what comes of it.
    build: Callable[..., lr_scheduler.LRScheduler] = getattr(lr_scheduler, spec.scheduler.name)
    return build(optimizer, **spec.scheduler.model_dump(exclude={"name"}))


def check(
    spec: ScheduleSpec,
    lr: float,
    epochs: int,
    steps_per_epoch: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Steps a copy of the schedule over the whole run and compares each update's LR with the previewed curve.

    The copy is the very Driver that the loop uses, on an optimiser of nothing. An update costs it a fifth of a
    microsecond and a call of torch's `step()` some three, an update of a real model thousands: the check is never 1 %
    of the run, so every update is compared.
    `progress` is told the updates done and all of them. Raises LabError naming the first update that differs.
    """
    previewed = curve(spec, lr, epochs, steps_per_epoch).lr
    used = np.fromiter(_rehearsed(spec, lr, epochs, steps_per_epoch, progress), np.float64, count=len(previewed))
    near = np.abs(used - previewed) <= RELATIVE * np.abs(previewed) + ABSOLUTE * previewed.max()
    wrong = np.flatnonzero(~near)
    if len(wrong):
        update = int(wrong[0])
        raise LabError(
            f"schedule: torch {torch.__version__} gives update {update} (epoch {update // steps_per_epoch}) the LR "
            f"{used[update]:.12g}, the preview {previewed[update]:.12g}; a run must train what was previewed",
            field="schedule",
        )


def _rehearsed(
    spec: ScheduleSpec, lr: float, epochs: int, steps_per_epoch: int, progress: Callable[[int, int], None] | None
) -> Iterator[float]:
    """The LR of every update, in order."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    driver = Driver(spec, optimizer, steps_per_epoch)
    optimizer.step()  # torch warns of a scheduler that is stepped before its optimiser ever was
    (group,) = optimizer.param_groups
    total, told = epochs * steps_per_epoch, 0
    for done in range(0, total, steps_per_epoch):
        if progress and done - told >= REPORT_EVERY:
            progress(done, total)
            told = done
        for _ in range(steps_per_epoch):
            yield group["lr"]
            driver.after_update()
        driver.after_epoch()
