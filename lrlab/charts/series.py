"""One run as a chart sees it: its log, its plan, and where each row lies on the x axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from lrlab.runs import FINAL, LRChange, Measure, Run, RunRecord, best_row, planned_curve

if TYPE_CHECKING:
    import pandas as pd

Axis = Literal["epoch", "step", "seconds"]
Floats = NDArray[np.float64]

GROUP = "lr_"
"""What the log's columns with the LRs of parameter groups begin with."""


@dataclass(frozen=True)
class Series:
    """The rows of one run and what surrounds them.

    `steps`, `epochs`: frames with the columns of the run's log, ordered by step. `planned`: the LR of every update of
    the whole run, or None where nothing but the log knows it. `resumed_at`: the first steps of later attempts.
    `live`: more rows may come. `gradient`: whether the log has the gradient's norm, or will have it. `clip_norm`: the
    largest norm that clipping lets through, None where it does not look at the norm. `by_hand`: the changes that a
    person made to the LR. `best_by`: what the best epoch is chosen by.
    """

    name: str
    colour: str
    steps: pd.DataFrame
    epochs: pd.DataFrame
    steps_per_epoch: int
    planned_epochs: int
    planned: Floats | None = None
    resumed_at: tuple[int, ...] = ()
    live: bool = False
    gradient: bool = False
    clip_norm: float | None = None
    by_hand: tuple[LRChange, ...] = ()
    best_by: Measure = "val_accuracy"

    @cached_property
    def elapsed(self) -> Floats:
        """Seconds of training from the first update to each row of `steps`; pauses between attempts are left out."""
        times = self.steps["time"].to_numpy(float)
        gaps = np.diff(times, prepend=times[:1])
        gaps[np.isin(self.steps["step"].to_numpy(), self.resumed_at)] = 0.0
        # A clock that was set back must not fold the curve onto itself.
        return np.cumsum(np.maximum(np.nan_to_num(gaps), 0.0))

    def step_places(self, x: Axis) -> Floats:
        """Where each row of `steps` lies: at the end of its update, so update 0 lies at 1 (or 1 / steps_per_epoch)."""
        if x == "seconds":
            return self.elapsed
        done = self.steps["step"].to_numpy(float) + 1
        return done / self.steps_per_epoch if x == "epoch" else done

    def epoch_places(self, x: Axis) -> Floats:
        """Where each row of `epochs` lies: at the end of its last update; in seconds, when the row was written."""
        last = self.epochs["step"].to_numpy(float)
        if x == "epoch":
            return (last + 1) / self.steps_per_epoch
        if x == "step" or not len(self.steps):
            return last + 1
        rows = np.searchsorted(self.steps["step"].to_numpy(float), last).clip(0, len(self.steps) - 1)
        after = self.epochs["time"].to_numpy(float) - self.steps["time"].to_numpy(float)[rows]
        return np.asarray(self.elapsed[rows] + np.maximum(np.nan_to_num(after), 0.0))

    def length(self, x: Axis) -> float:
        """How far the x axis must reach: over the whole plan while the run lives, else over what was done."""
        if self.live and x != "seconds":
            return float(self.planned_epochs * (1 if x == "epoch" else self.steps_per_epoch))
        places = np.concatenate([self.step_places(x)[-1:], self.epoch_places(x)[-1:]])
        return float(places.max()) if len(places) else 0.0

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the parameter groups whose LRs are in the log."""
        return tuple(column.removeprefix(GROUP) for column in self.steps.columns if column.startswith(GROUP))

    @property
    def best_row(self) -> int | None:
        """The row of `epochs` whose model is kept as the best one, or None."""
        accuracy, loss = (self.epochs[name].to_numpy(float) for name in ("val_accuracy", "val_loss"))
        return best_row(accuracy, loss, self.best_by)


def planned_lr(record: RunRecord) -> Floats | None:
    """The LR of every update that `record`'s run is going to make; None where there is no curve to know it from."""
    planned = planned_curve(record)
    return None if planned is None else planned.lr


def series(
    run: Run,
    colour: str,
    name: str | None = None,
    *,
    steps: pd.DataFrame | None = None,
    epochs: pd.DataFrame | None = None,
    live: bool | None = None,
) -> Series:
    """`run` ready for a chart, named `name` (default: its own name). What was already read of it may be given."""
    record = run.record
    clip = record.experiment.clip
    return Series(
        name=record.name if name is None else name,
        colour=colour,
        steps=run.steps if steps is None else steps,
        epochs=run.epochs if epochs is None else epochs,
        steps_per_epoch=record.steps_per_epoch,
        planned_epochs=record.epochs,
        planned=planned_lr(record),
        resumed_at=tuple(attempt.first_step for attempt in record.attempts[1:]),
        live=run.state not in FINAL if live is None else live,
        gradient=record.experiment.grad_norm or clip.by != "none",
        clip_norm=clip.limit if clip.by == "norm" else None,
        by_hand=record.lr_changes,
        best_by=record.best_by,
    )
