"""The log of a run: a row for each update and each epoch, and an end at once where the loss is no number any more."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from lrlab.errors import LabError
from lrlab.runs import LogWriter
from lrlab.schedules import number
from lrlab.training.fetching import Fetch
from lrlab.training.loop import Loop, Observer, Score

BUNDLE_SECONDS = 0.5
"""On an accelerator the log gets its rows about this often, so that a chart streams."""


class NonFinite(LabError):
    """The loss is no number any more; nothing that is trained from here on means anything."""

    def __init__(self, loss: float, step: int, lr: float) -> None:
        super().__init__(f"the loss became {loss} at step {step} (LR {number(lr)})")
        self.step = step
        self.lr = lr


class _Row(NamedTuple):
    """An update whose figures may still be on the device."""

    step: int
    epoch: int
    time: float
    lr: float
    further: dict[str, float]
    figures: tuple[Tensor, ...]
    """The loss, the images named right, and the figures of the gradient that the log has columns for."""


class Recorder(Observer):
    """Writes the log: a row per update and per epoch. Raises NonFinite once the row with such a loss is written.

    On an accelerator reading a value waits for all work before it. So figures stay there, come to the host in bundles
    while training goes on, and a row is written once its figures are here: at the latest at the end of the epoch, and
    before a checkpoint. The rows are the same as on the CPU, where each is written at once. `images`: of an update.
    `columns`: what the log of updates has beside "accuracy": "momentum", "grad_norm", "clipped" and the groups' LRs
    ("lr_head"), in any order.
    """

    def __init__(self, log: LogWriter, images: int, columns: Sequence[str] = ()) -> None:
        self._log = log
        self._images = images
        self._momentum = "momentum" in columns
        self._measured = tuple(name for name in ("grad_norm", "clipped") if name in columns)
        self._groups = any(name.startswith("lr_") for name in columns)
        self._waiting: list[_Row] = []
        self._under_way: deque[tuple[list[_Row], Fetch]] = deque()
        self._asked = time.monotonic()
        self._losses, self._right, self._updates = 0.0, 0, 0
        self._images_per_second = math.nan

    def after_update(self, loop: Loop) -> None:
        further = dict(zip(loop.rates.columns, loop.lrs, strict=True)) if self._groups else {}
        if self._momentum:
            further["momentum"] = loop.momentum
        figures = (loop.loss, loop.right, *self._of_gradient(loop))
        row = _Row(loop.step, loop.epoch, time.time(), loop.lr, further, figures)
        if not loop.device.waits:
            self._write([row], [tuple(map(float, figures))])
            return
        self._waiting.append(row)
        if time.monotonic() - self._asked >= BUNDLE_SECONDS:
            self._ask()
        while self._under_way and self._under_way[0][1].there():
            self._write_oldest()

    def _of_gradient(self, loop: Loop) -> list[Tensor]:
        known = {"grad_norm": loop.update.gradient.norm, "clipped": loop.update.gradient.clipped}
        return [figure for name in self._measured if (figure := known[name]) is not None]

    def after_training(self, loop: Loop) -> None:
        self.flush()  # which waits until the device has finished, so that the time is true
        seconds = time.perf_counter() - loop.began
        self._images_per_second = self._updates * self._images / seconds
        loop.trained = Score(self._losses / self._updates, self._right / (self._updates * self._images))

    def after_epoch(self, loop: Loop) -> None:
        if loop.score is None or loop.trained is None:
            raise RuntimeError(f"epoch {loop.epoch} ended without a validation")
        self._log.epoch(
            epoch=loop.epoch,
            step=loop.step,
            lr=loop.lr,
            train_loss=loop.trained.loss,
            train_accuracy=loop.trained.accuracy,
            val_loss=loop.score.loss,
            val_accuracy=loop.score.accuracy,
            images_per_second=self._images_per_second,
            seconds=time.perf_counter() - loop.began,
        )
        self._losses, self._right, self._updates = 0.0, 0, 0

    def flush(self) -> None:
        """Writes the rows of all updates made so far. On an accelerator it waits until they are made."""
        self._ask()
        while self._under_way:
            self._write_oldest()

    def _ask(self) -> None:
        """Has the figures of the waiting rows brought here."""
        rows, self._waiting = self._waiting, []
        self._asked = time.monotonic()
        if rows:
            self._under_way.append((rows, Fetch([row.figures for row in rows])))

    def _write_oldest(self) -> None:
        rows, fetch = self._under_way.popleft()
        self._write(rows, fetch.values())

    def _write(self, rows: Sequence[_Row], values: Sequence[tuple[float, ...]]) -> None:
        for row, (loss, right, *measured) in zip(rows, values, strict=True):
            self._log.step(
                step=row.step,
                epoch=row.epoch,
                time=row.time,
                lr=row.lr,
                loss=loss,
                accuracy=right / self._images,
                **row.further,
                **dict(zip(self._measured, measured, strict=True)),
            )
            if not math.isfinite(loss):
                self._waiting.clear()
                self._under_way.clear()  # this row is the log's last
                raise NonFinite(loss, row.step, row.lr)
            self._losses += loss
            self._right += int(right)
            self._updates += 1

    def state_dict(self) -> dict[str, Any]:
        """The sums of the epoch so far. All rows are written first, so that a checkpoint is never ahead of the log."""
        self.flush()
        return {"losses": self._losses, "right": self._right, "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._losses, self._right, self._updates = state["losses"], state["right"], state["updates"]
