"""Early stopping, counted and told: when a run that gets no better ends, and what the schedule still had in store.

Pure values, so that a page can foresee from the log what the worker will do. Epochs count from 0, as in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrlab.experiments import EarlyStopping
from lrlab.schedules import ReduceLROnPlateau, ScheduleSpec, number

FALLEN = 0.95
"""An LR below this share of today's has fallen; less is no reason to wait."""


@dataclass
class Patience:
    """Counts epochs without an improvement. `value` and `epoch` are those of the last improvement, None before."""

    settings: EarlyStopping
    value: float | None = None
    epoch: int | None = None
    waited: int = 0
    """Epochs in a row without an improvement."""

    def see(self, epoch: int, value: float) -> bool:
        """Takes the monitored `value` of `epoch`; True where the run has to end. A value that is no number is no
        improvement."""
        if epoch < self.settings.start_from_epoch:
            return False
        if self._improves(value):
            self.value, self.epoch, self.waited = value, epoch, 0
            return False
        self.waited += 1
        return self.waited >= self.settings.patience

    def _improves(self, value: float) -> bool:
        if not np.isfinite(value):
            return False
        if self.value is None:
            return True
        gain = value - self.value if self.settings.monitor == "val_accuracy" else self.value - value
        return gain > self.settings.min_delta


@dataclass(frozen=True)
class Fall:
    """The next fall of the LR: from `before` to `after`, at update `update` where it is `sudden`, else until then."""

    update: int
    before: float
    after: float
    sudden: bool


def next_fall(lr: NDArray[np.float64], update: int) -> Fall | None:
    """The next fall of the planned LR (one for each update of the run) after `update`; None where none comes.

    A step down is told with its height; a gradual fall as a whole, down to where the LR stops falling.
    """
    now, ahead = float(lr[update]), lr[update + 1 :]
    below = np.flatnonzero(ahead < FALLEN * now)
    if not len(below):
        return None
    first = int(below[0])
    at = update + 1 + first
    if ahead[first] < FALLEN * lr[at - 1]:
        return Fall(at, now, float(ahead[first]), sudden=True)
    rises = np.flatnonzero(np.diff(ahead[first:]) > 0)
    until = int(rises[0]) if len(rises) else len(ahead) - 1 - first
    # Where the lowest LR is reached and kept, the fall ends when it is reached.
    until = int(np.argmin(ahead[first : first + until + 1]))
    return Fall(at + until, now, float(ahead[first + until]), sudden=False)


def ahead(spec: ScheduleSpec, stopping: EarlyStopping, lr: NDArray[np.float64], done: int, steps_per_epoch: int) -> str:
    """What the schedule has in store after `done` updates, as a clause after "the LR ..."; empty where it only stays or
    rises. `lr`: the planned one, for each update of the whole run."""
    plateau = spec.scheduler
    if isinstance(plateau, ReduceLROnPlateau):
        if plateau.patience < stopping.patience:
            return ""
        return (
            f"could not fall before: ReduceLROnPlateau waits for {plateau.patience + 1} such epochs, "
            f"early stopping for {stopping.patience}"
        )
    fall = next_fall(lr, done - 1) if 0 < done < len(lr) else None
    if fall is None:
        return ""
    when = fall.update // steps_per_epoch
    how = "at" if fall.sudden else "by"
    return f"would have fallen from {number(fall.before)} to {number(fall.after)} {how} epoch {when}"


def closing(spec: ScheduleSpec, patience: Patience, epoch: int, lr: NDArray[np.float64], steps_per_epoch: int) -> str:
    """Why the run ended after `epoch`, and what the LR would still have done, in sentences."""
    settings = patience.settings
    epochs = "1 epoch" if patience.waited == 1 else f"{patience.waited} epochs"
    least = f" by more than {number(settings.min_delta)}" if settings.min_delta else ""
    since = f" since epoch {patience.epoch}" if patience.epoch is not None else ""
    text = f"Stopped early after epoch {epoch}: {settings.monitor} had not improved{least} for {epochs}{since}."
    done = (epoch + 1) * steps_per_epoch
    still = ahead(spec, settings, lr, done, steps_per_epoch)
    if not still:
        return text
    text += f" The LR {still}."
    fall = next_fall(lr, done - 1) if not isinstance(spec.scheduler, ReduceLROnPlateau) and done < len(lr) else None
    if fall is None or patience.epoch is None:
        return text
    # So long that the epoch with the fallen LR is still trained and may improve.
    return f"{text} A patience of {fall.update // steps_per_epoch - patience.epoch + 1} would have waited for that."


def outlook(
    spec: ScheduleSpec,
    settings: EarlyStopping,
    values: Sequence[float],
    lr: NDArray[np.float64],
    steps_per_epoch: int,
) -> str:
    """A sentence on a run under way that early stopping may soon end; empty where it is not near.

    `values`: the monitored column of the epochs so far, from epoch 0. `lr`: the planned LR of every update of the run.
    """
    if settings.monitor == "none":
        return ""
    patience, ended = Patience(settings), False
    for epoch, value in enumerate(values):
        ended = patience.see(epoch, value)
    left = settings.patience - patience.waited
    if ended or not patience.waited or left > 1:
        return ""
    text = f"{settings.monitor} has not improved for {patience.waited} epochs: another one ends the run"
    if patience.waited == 1:
        text = text.replace("1 epochs", "1 epoch")
    still = ahead(spec, settings, lr, len(values) * steps_per_epoch, steps_per_epoch)
    still = still.replace("would have fallen", "would fall")
    return f"{text}, though the LR {still}." if still.startswith("would") else f"{text}."
