"""Early stopping: ends a run that gets no better, and says what the schedule still had in store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from lrlab.experiments import EarlyStopping
from lrlab.runs.stopping import Course, Patience, closing
from lrlab.training.loop import Loop, Observer

_log = logging.getLogger(__name__)


class EarlyStop(Observer):
    """Counts epochs without an improvement of the monitored figure, and ends the loop after `patience` of them.

    `course`: gives what the run's schedule plans, asked for only when the run ends.
    """

    def __init__(self, settings: EarlyStopping, course: Callable[[], Course]) -> None:
        self._course = course
        self._patience = Patience(settings)
        self.stopped_at: int | None = None
        """The epoch after which the run was ended; None where it was not."""
        self.closing = ""
        """Why it was ended, in sentences."""

    def after_epoch(self, loop: Loop) -> None:
        settings = self._patience.settings
        if settings.monitor == "none" or not self._patience.see(loop.epoch, loop.metrics()[settings.monitor]):
            return
        self.stopped_at = loop.epoch
        self.closing = closing(self._course(), self._patience, loop.epoch)
        _log.info("%s", self.closing)
        loop.ended = True

    def go_on(self, loop: Loop) -> None:
        """Lets a run that was stopped early be trained on, with new patience; the best value so far still counts."""
        self._patience.waited, self.stopped_at, self.closing, loop.ended = 0, None, "", False

    def state_dict(self) -> dict[str, Any]:
        patience = self._patience
        return {
            "value": patience.value,
            "epoch": patience.epoch,
            "waited": patience.waited,
            "stopped_at": self.stopped_at,
            "closing": self.closing,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        patience = self._patience
        patience.value, patience.epoch, patience.waited = state["value"], state["epoch"], state["waited"]
        self.stopped_at, self.closing = state["stopped_at"], state["closing"]
