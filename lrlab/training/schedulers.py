"""From a ScheduleSpec to torch's own scheduler, driven as the loop goes, and the proof that it follows the preview."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from lrlab.errors import LabError
from lrlab.schedules import (
    Curve,
    Fixed,
    Plateau,
    ReduceLROnPlateau,
    ScheduleSpec,
    calls_of,
    curve,
    example_metrics,
    last_call,
    setting_of,
    warmup_updates,
)
from lrlab.training.building import Builder

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far torch's LR may be from the previewed one: relative to it, and to the largest LR of the run."""

PLATEAU = ("lr", "best", "bad", "rest")
"""Where a Plateau stands."""

REPORT_EVERY = 1 << 17
"""Updates between two reports of `check`: about a third of a second where torch is stepped for each."""


class Driver:
    """Calls the scheduler where the loop is: `after_update()` after every optimiser step, `after_epoch()` at its end.

    Between two calls every parameter group holds the LR of the next update, which is `factor` times what the schedule
    says. During a warm-up of W updates, update u uses base x (start_factor + (1 - start_factor) x u / W); at update W
    each group has its scheduler's value at 0. From there the scheduler is stepped after each update, or, with interval
    "epoch", at the end of every epoch, first of the one in which update W lies. `optimizer` comes with its base LRs;
    each group keeps its own. The schedule is planned for `epochs`; in `more_epochs` it goes on as
    `lrlab.schedules.last_call` says.
    """

    def __init__(
        self, spec: ScheduleSpec, optimizer: Optimizer, epochs: int, steps_per_epoch: int, more_epochs: int = 0
    ) -> None:
        self._optimizer = optimizer
        self._bases = [float(group["lr"]) for group in optimizer.param_groups]
        self._per_update = spec.interval == "step"
        self._warm = warmup_updates(spec.warmup, steps_per_epoch)
        self._start_factor = spec.warmup.start_factor if spec.warmup else 1.0
        setting = setting_of(spec, calls_of(spec, epochs, steps_per_epoch), steps_per_epoch)
        # torch needs no scheduler for a fixed LR.
        fixed = isinstance(spec.scheduler, Fixed)
        self._scheduler = None if fixed else Builder(optimizer, setting).build(spec.scheduler)
        self._plateaus: list[Plateau] = []
        self._calls, self._last_call = 0, math.inf
        base = float(optimizer.defaults["lr"])
        if isinstance(spec.scheduler, ReduceLROnPlateau):
            self._plateaus = [Plateau(spec.scheduler, lr, lr / base) for lr in self._bases]
        elif not fixed:
            whole = calls_of(spec, epochs + more_epochs, steps_per_epoch)
            settings = {lr: replace(setting, scale=lr / base) for lr in self._bases}
            self._last_call = min(last_call(spec.scheduler, lr, one, whole) for lr, one in settings.items())
        # torch's schedulers go on from the LR that they find, so the warm-up gives back what it found.
        self._starts = self._held()
        self._updates = 0
        self._factor = 1.0
        self._scheduled = self._held()
        if self._warm:
            self._move(self._warm_up)

    @property
    def factor(self) -> float:
        """What the schedule's LRs are multiplied by; 1 until a person sets it."""
        return self._factor

    @factor.setter
    def factor(self, factor: float) -> None:
        self._factor = factor
        self._multiply()

    def after_update(self) -> None:
        """One optimiser update was made."""
        self._updates += 1
        if self._updates <= self._warm:
            self._move(self._warm_up)
        elif self._per_update and self._scheduler and self._calls < self._last_call:
            self._calls += 1
            self._move(self._scheduler.step)

    def after_epoch(self, metric: float = math.nan) -> None:
        """The last update of an epoch was made, `after_update()` was told, and the epoch was validated.

        `metric`: what the schedule watches (`Experiment.watched`); only ReduceLROnPlateau does.
        """
        if self._per_update or not self._scheduler or self._updates <= self._warm or self._calls >= self._last_call:
            return
        self._calls += 1
        if self._plateaus:
            self._move(lambda: self._decide(metric))
        else:
            self._move(self._scheduler.step)

    def _move(self, deed: Callable[[], object]) -> None:
        """Does `deed` on the schedule's own LRs: torch's schedulers compute the next LR from the one they find."""
        for group, lr in zip(self._optimizer.param_groups, self._scheduled, strict=True):
            group["lr"] = lr
        deed()
        self._scheduled = self._held()
        self._multiply()

    def _held(self) -> list[float]:
        return [float(group["lr"]) for group in self._optimizer.param_groups]

    def _multiply(self) -> None:
        for group, lr in zip(self._optimizer.param_groups, self._scheduled, strict=True):
            group["lr"] = self._factor * lr

    def _decide(self, metric: float) -> None:
        """What is measured cannot be previewed, so each decision is checked by the preview's own recurrence."""
        assert self._scheduler is not None
        self._scheduler.step(metric)
        for group, plateau in zip(self._optimizer.param_groups, self._plateaus, strict=True):
            expected = plateau.step(metric).after
            if not math.isclose(group["lr"], expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE * max(self._bases)):
                raise LabError(
                    f"schedule: after a metric of {metric:.6g} torch {torch.__version__} sets the LR to "
                    f"{group['lr']:.12g}, the preview's own rule to {expected:.12g}",
                    field="schedule",
                )

    def _warm_up(self) -> None:
        if self._updates == self._warm:
            values = self._starts
        else:
            factor = self._start_factor + (1 - self._start_factor) * self._updates / self._warm
            values = [base * factor for base in self._bases]
        for group, value in zip(self._optimizer.param_groups, values, strict=True):
            group["lr"] = value

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here; the LRs in use are in the optimiser's state."""
        return {
            "updates": self._updates,
            "calls": self._calls,
            "factor": self._factor,
            "scheduled": list(self._scheduled),
            "bases": list(self._bases),
            "starts": list(self._starts),
            "scheduler": self._scheduler.state_dict() if self._scheduler else None,
            "plateaus": [{name: asdict(one)[name] for name in PLATEAU} for one in self._plateaus],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken. Build the driver first, then load the optimiser's state and this one:
        building a scheduler changes the LR that it finds."""
        self._updates, self._calls, self._factor = state["updates"], state["calls"], state["factor"]
        self._scheduled = list(state["scheduled"])
        self._bases, self._starts = list(state["bases"]), list(state["starts"])
        if self._scheduler:
            self._scheduler.load_state_dict(state["scheduler"])
        if self._updates:  # torch notes this on the optimiser, not in its state, and warns of a schedule without it
            self._optimizer._opt_called = True  # type: ignore[attr-defined]
        for plateau, values in zip(self._plateaus, state["plateaus"], strict=True):
            for name in PLATEAU:
                setattr(plateau, name, values[name])


def momentum_of(group: dict[str, Any]) -> float:
    """The momentum of a parameter group: SGD's, or the first beta of Adam and its kin; NaN where it has neither."""
    if "betas" in group:
        return float(group["betas"][0])
    return float(group.get("momentum", math.nan))


def check(
    spec: ScheduleSpec,
    lr: float,
    epochs: int,
    steps_per_epoch: int,
    progress: Callable[[int, int], None] | None = None,
    more_epochs: int = 0,
) -> Curve:
    """Steps a copy of the schedule over the whole run and compares each update's LR with the previewed curve.

    `more_epochs` beyond the planned `epochs` are part of the run. The copy is the very Driver that the loop uses, on an
    optimiser of nothing. An update costs it a fifth of a microsecond and a call of torch's `step()` some three, an
    update of a real model thousands: the check is never 1 % of the run, so every update is compared.
    `progress` is told the updates done and all of them. Raises LabError naming the first update that differs.
    """
    metrics = example_metrics(spec, epochs + more_epochs)
    previewed = curve(spec, lr, epochs, steps_per_epoch, metrics, more_epochs=more_epochs)
    rehearsed = _rehearsed(spec, lr, epochs, more_epochs, steps_per_epoch, metrics, progress)
    used = np.asarray(np.fromiter(rehearsed, np.dtype((np.float64, 2)), count=len(previewed.lr)), dtype=float)
    compared = [("LR", used[:, 0], previewed.lr)]
    if previewed.momentum is not None:
        compared.append(("momentum", used[:, 1], previewed.momentum))
    for name, torchs, ours in compared:
        wrong = np.flatnonzero(~(np.abs(torchs - ours) <= RELATIVE * np.abs(ours) + ABSOLUTE * ours.max()))
        if len(wrong):
            update = int(wrong[0])
            raise LabError(
                f"schedule: torch {torch.__version__} gives update {update} (epoch {update // steps_per_epoch}) the "
                f"{name} {torchs[update]:.12g}, the preview {ours[update]:.12g}; a run must train what was previewed",
                field="schedule",
            )
    return previewed


def _rehearsed(
    spec: ScheduleSpec,
    lr: float,
    epochs: int,
    more_epochs: int,
    steps_per_epoch: int,
    metrics: list[float] | None,
    progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[float, float]]:
    """The LR and the momentum of every update, in order."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr, momentum=0.5)
    driver = Driver(spec, optimizer, epochs, steps_per_epoch, more_epochs)
    optimizer.step()  # torch warns of a scheduler that is stepped before its optimiser ever was
    (group,) = optimizer.param_groups
    whole = epochs + more_epochs
    total, told = whole * steps_per_epoch, 0
    for epoch in range(whole):
        done = epoch * steps_per_epoch
        if progress and done - told >= REPORT_EVERY:
            progress(done, total)
            told = done
        for _ in range(steps_per_epoch):
            yield group["lr"], group["momentum"]
            driver.after_update()
        driver.after_epoch(metrics[epoch] if metrics else math.nan)
