"""Runs made by hand: no worker, no images, any experiment and any log."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.process import Identity, identity
from lrlab.runs import Attempt, DatasetFacts, Run, create_run, open_log, update

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(home: Home) -> MakeRun:
    """Makes a queued run; keywords are those of Experiment."""

    def make(
        *, data: str = "d8h4", steps_per_epoch: int = 4, val: int = 30, by_folders: bool = False, **experiment: Any
    ) -> Run:
        classes = ("Dark", "Light")
        facts = DatasetFacts(id=data, name="coffee", classes=classes, train=120, val=val, test=0, by_folders=by_folders)
        chosen = Experiment(**{"dataset": "coffee", "epochs": 3, **experiment})
        return create_run(home, chosen, dataset=facts, steps_per_epoch=steps_per_epoch)

    return make


def attempt(number: int = 1, first_step: int = 0, started: float | None = None, **facts: Any) -> Attempt:
    """An attempt of this very process on this machine, so that it counts as alive."""
    given = {"identity": identity(), "host": socket.gethostname(), "device": "CPU", **facts}
    return Attempt(number=number, first_step=first_step, started=time.time() if started is None else started, **given)


def gone() -> Identity:
    """Who this process would be, had it been started a minute earlier: its PID was used again."""
    me = identity()
    return me.model_copy(update={"started": me.started - 60})


@pytest.fixture
def begin() -> Callable[..., Attempt]:
    """Records that an attempt began on a run."""

    def start(run: Run, *, number: int = 1, first_step: int = 0, **facts: Any) -> Attempt:
        made = attempt(number, first_step, **facts)
        update(run, state="running", attempts=(*run.record.attempts, made))
        return made

    return start


@pytest.fixture
def trained(make_run: MakeRun, begin: Callable[..., Attempt]) -> Callable[..., Run]:
    """A run that succeeded with these validation accuracies, one an epoch, and one row per update."""

    def make(*accuracies: float, state: str = "succeeded", **experiment: Any) -> Run:
        run = make_run(epochs=len(accuracies), **experiment)
        begin(run, started=1000.0)
        with open_log(run, 1) as log:
            for epoch, accuracy in enumerate(accuracies):
                for step in range(4 * epoch, 4 * epoch + 4):
                    log.step(step=step, epoch=epoch, time=1001.0 + step, lr=0.1, loss=1 / (step + 1))
                log.epoch(
                    epoch=epoch,
                    step=4 * epoch + 3,
                    time=1001.0 + step + 0.5,
                    lr=0.1,
                    train_loss=0.5,
                    train_accuracy=0.9,
                    val_loss=0.7,
                    val_accuracy=accuracy,
                    images_per_second=80.0,
                    seconds=4.5,
                )
        update(run, state=state, ended=1060.0 if state == "succeeded" else None)
        return run

    return make
