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

    def after_batch(self, loop: Loop) -> None:
        seconds = time.perf_counter() - loop.batch_began
        self._beat.batch(seconds, phase="training", done=loop.step + 1, total=self._steps)

    def after_update(self, loop: Loop) -> None:
        now = time.perf_counter()
        self._beat.batch(
            now - loop.batch_began,
            phase="training",
            done=loop.step + 1,
            total=self._steps,
            step=loop.step,
            epoch=loop.epoch,
            images_per_second=loop.done * self._images / (now - loop.began),
        )

    def after_eval_batch(self, loop: Loop) -> None:
        seconds = time.perf_counter() - loop.batch_began
        self._beat.batch(seconds, phase=loop.evaluating, done=loop.eval_batch, total=loop.eval_batches)


class StopWatch(Observer):
    """Raises StopRequested after the update, or the batch of a validation, during which a person asked for a stop."""

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
