"""What watches a training loop: the log, the heartbeat, the keeper of the best model, and a person's wish to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lrlab.errors import LabError
from lrlab.runs import Beat, LogWriter, Result
from lrlab.schedules import number
from lrlab.training.checkpoints import ModelFacts, save_model
from lrlab.training.loop import Loop, Observer, Score

BUNDLE_SECONDS = 0.5
"""On an accelerator the log gets its rows about this often: a chart streams, and the device seldom waits."""


class NonFinite(LabError):
    """The loss is no number any more; nothing that is trained from here on means anything."""

    def __init__(self, loss: float, step: int, lr: float) -> None:
        super().__init__(f"the loss became {loss} at step {step} (LR {number(lr)})")
        self.lr = lr


class StopRequested(Exception):
    """A person asked the run to stop."""


class _Row(NamedTuple):
    step: int
    epoch: int
    time: float
    lr: float
    momentum: float
    loss: Tensor
    right: Tensor


class Recorder(Observer):
    """Writes the log: a row per update and per epoch. Raises NonFinite once the row with such a loss is written.

    On an accelerator, losses stay where they are and rows are written in bundles: reading one value waits for all
    work before it. The rows are the same as on the CPU, where each is written at once. `momentum`: the log has a column
    for it, since the schedule moves it.
    """

    def __init__(self, log: LogWriter, batch_size: int, momentum: bool = False) -> None:
        self._log = log
        self._batch_size = batch_size
        self._momentum = momentum
        self._waiting: list[_Row] = []
        self._flushed = time.monotonic()
        self._losses, self._right, self._updates = 0.0, 0, 0
        self._images_per_second = math.nan

    def after_update(self, loop: Loop) -> None:
        self._waiting.append(_Row(loop.step, loop.epoch, time.time(), loop.lr, loop.momentum, loop.loss, loop.right))
        if not loop.device.waits or time.monotonic() - self._flushed >= BUNDLE_SECONDS:
            self.flush()

    def after_training(self, loop: Loop) -> None:
        self.flush()  # which waits until the device has finished, so that the time is true
        seconds = time.perf_counter() - loop.began
        self._images_per_second = self._updates * self._batch_size / seconds

    def after_epoch(self, loop: Loop) -> None:
        score = _validated(loop)
        self._log.epoch(
            epoch=loop.epoch,
            step=loop.step - 1,
            lr=loop.lr,
            train_loss=self._losses / self._updates,
            train_accuracy=self._right / (self._updates * self._batch_size),
            val_loss=score.loss,
            val_accuracy=score.accuracy,
            images_per_second=self._images_per_second,
            seconds=time.perf_counter() - loop.began,
        )
        self._losses, self._right, self._updates = 0.0, 0, 0

    def flush(self) -> None:
        """Writes the rows of all updates made so far."""
        rows, self._waiting = self._waiting, []
        self._flushed = time.monotonic()
        for row, loss, right in zip(rows, _values(rows, "loss"), _values(rows, "right"), strict=True):
            accuracy = right / self._batch_size
            further = {"momentum": row.momentum} if self._momentum else {}
            self._log.step(
                step=row.step, epoch=row.epoch, time=row.time, lr=row.lr, loss=loss, accuracy=accuracy, **further
            )
            if not math.isfinite(loss):
                raise NonFinite(loss, row.step, row.lr)
            self._losses += loss
            self._right += int(right)
            self._updates += 1


def _values(rows: list[_Row], name: str) -> list[float]:
    tensors = [getattr(row, name) for row in rows]
    return [float(tensors[0])] if len(tensors) == 1 else torch.stack(tensors).tolist() if tensors else []


def _validated(loop: Loop) -> Score:
    if loop.score is None:
        raise RuntimeError(f"epoch {loop.epoch} ended without a validation")
    return loop.score


class Heartbeat(Observer):
    """Tells after every batch, training or validation, that the worker lives and where it is."""

    def __init__(self, beat: Beat, batch_size: int, steps: int) -> None:
        self._beat = beat
        self._batch_size = batch_size
        self._steps = steps
        self._last = time.perf_counter()

    def after_update(self, loop: Loop) -> None:
        seconds = self._seconds()
        done = (loop.step + 1 - loop.epoch * len(loop.train)) * self._batch_size
        self._beat.batch(
            seconds,
            phase="training",
            done=loop.step + 1,
            total=self._steps,
            step=loop.step,
            epoch=loop.epoch,
            images_per_second=done / (self._last - loop.began),
        )

    def after_eval_batch(self, loop: Loop) -> None:
        self._beat.batch(self._seconds(), phase=loop.evaluating, done=loop.eval_batch, total=loop.eval_batches)

    def _seconds(self) -> float:
        last, self._last = self._last, time.perf_counter()
        return self._last - last


class Keeper(Observer):
    """Saves the model whenever it validates better than before: a higher accuracy, or the same and a lower loss."""

    def __init__(self, path: Path, facts: ModelFacts, beat: Beat) -> None:
        self._path = path
        self._facts = facts
        self._beat = beat
        self.result = Result()
        """The best epoch so far and its figures."""
        self._best: tuple[float, float] | None = None

    def after_epoch(self, loop: Loop) -> None:
        score = _validated(loop)
        # A loss that is no number is worse than any.
        order = (-score.accuracy, math.inf if math.isnan(score.loss) else score.loss)
        if self._best is not None and order >= self._best:
            return
        self._beat.say("saving the best model")
        facts = {"epoch": loop.epoch, "val_accuracy": score.accuracy, "val_loss": score.loss}
        save_model(self._path, loop.model, self._facts.model_copy(update=facts))
        self._best = order
        self.result = Result(best_epoch=loop.epoch, best_val_accuracy=score.accuracy, best_val_loss=score.loss)


class StopWatch(Observer):
    """Raises StopRequested after the batch during which a person asked the run to stop."""

    def __init__(self, requested: Callable[[], bool]) -> None:
        self._requested = requested

    def look(self) -> None:
        """Raises StopRequested where a stop was asked for."""
        if self._requested():
            raise StopRequested

    def after_update(self, loop: Loop) -> None:
        self.look()

    def after_eval_batch(self, loop: Loop) -> None:
        self.look()
