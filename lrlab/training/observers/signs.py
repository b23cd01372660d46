"""Signs to and from the outside: the heartbeat says where the loop is, and a person's wish to stop ends it."""

from __future__ import annotations

import time
from collections.abc import Callable

from lrlab.runs import Beat
from lrlab.training.loop import Loop, Observer


class StopRequested(Exception):
    """A person asked the run to stop."""


class Heartbeat(Observer):
    """Tells after every batch, training or validation, that the worker lives and where it is.

    `images`: of an update. `steps`: the updates of the whole run.
    """

    def __init__(self, beat: Beat, images: int, steps: int) -> None:
        self._beat = beat
        self._images = images
        self._steps = steps
        self._last = time.perf_counter()

    def after_update(self, loop: Loop) -> None:
        seconds = self._seconds()
        self._beat.batch(
            seconds,
            phase="training",
            done=loop.step + 1,
            total=self._steps,
            step=loop.step,
            epoch=loop.epoch,
            images_per_second=loop.done * self._images / (self._last - loop.began),
        )

    def after_eval_batch(self, loop: Loop) -> None:
        self._beat.batch(self._seconds(), phase=loop.evaluating, done=loop.eval_batch, total=loop.eval_batches)

    def _seconds(self) -> float:
        last, self._last = self._last, time.perf_counter()
        return self._last - last


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
