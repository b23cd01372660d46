"""The LR finder: short trainings of models that nobody keeps, in which the LR rises until the loss diverges.

Data, network, optimiser, groups, augmentation, loss and gradient are the run's own; only the schedule is another one.
The models are built here and thrown away. Nothing is written but this run's own log, and the random numbers of the
process are put back where they were: a run trained before and after it is byte for byte the same.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
import torch

from lrlab.datasets import Split
from lrlab.experiments import Experiment, Finder
from lrlab.runs import Beat, LogWriter, open_log
from lrlab.runs.finder import Smoother
from lrlab.schedules import LambdaLR, ScheduleSpec, number
from lrlab.training.devices import choose_device, own_threads
from lrlab.training.gradient import Gradient
from lrlab.training.loop import Loop, Observer, Update
from lrlab.training.loss import build_loss
from lrlab.training.models import build_model, check_batch
from lrlab.training.optimizers import build_optimizer
from lrlab.training.rates import Rates
from lrlab.training.schedulers import Driver
from lrlab.training.session import Session

_log = logging.getLogger(__name__)


def rising(experiment: Experiment, finder: Finder) -> Experiment:
    """`experiment` on a schedule that begins at the finder's lowest LR and rises by it, step for step as `finder.lr`.

    Groups with an LR of their own keep its ratio to the optimiser's, so that all rise together.
    """
    ratio, last = finder.highest / finder.lowest, finder.steps - 1
    formula = (
        f"{ratio!r} ** (step / {last})" if finder.growth == "exponential" else f"1 + {ratio - 1!r} * step / {last}"
    )
    share = finder.lowest / experiment.optimizer.lr
    groups = tuple(
        group if group.lr is None else group.model_copy(update={"lr": group.lr * share})
        for group in experiment.param_groups.groups
    )
    return experiment.model_copy(
        update={
            "optimizer": experiment.optimizer.model_copy(update={"lr": finder.lowest}),
            "param_groups": experiment.param_groups.model_copy(update={"groups": groups}),
            "schedule": ScheduleSpec(interval="step", scheduler=LambdaLR(formula=formula)),
        }
    )


class Finding(Session):
    """Carries out a run of kind "find_lr": one sweep for each seed, beginning with the experiment's own."""

    def train(self) -> None:
        """Makes every sweep. StopRequested once a person asked for it; the rows so far are written."""
        with random_numbers_kept():
            self._find()

    def _find(self) -> None:
        finder = self._record.finder or Finder()
        experiment = rising(self._experiment, finder)
        check_batch(experiment)
        device = choose_device(experiment.device, experiment.model.name, experiment.precision, own_threads())
        self._tell_device(device)
        parts = self._parts(device)
        facts, regularization = self._record.dataset, experiment.regularization
        loss = build_loss(regularization, parts.labels, len(facts.classes)).to(device.device)
        with ExitStack() as stack:
            log: LogWriter | None = None
            for sweep in range(finder.seeds):
                self._say(f"building the model{_which(finder, sweep)}")
                seed = experiment.seed + sweep
                torch.manual_seed(seed)
                model = build_model(
                    experiment.model,
                    len(facts.classes),
                    experiment.image_size,
                    init=experiment.init,
                    pretrained=experiment.pretrained,
                    progress=self._say,
                ).to(device.device)
                optimizer = build_optimizer(experiment, model)
                rates = Rates(optimizer)
                schedule = Driver(experiment.schedule, optimizer, 1, finder.steps)
                # The groups, whose LRs are logged, are known once there is a model.
                columns = ("smoothed", *rates.columns)
                log = log or stack.enter_context(open_log(self._run, self._attempt.number, columns))
                update = Update(loss, Gradient(model, regularization, experiment.clip), experiment.accumulate)
                observers = (self._lease, Sweeper(log, self._beat, finder, sweep, rates.columns), self._stop)
                batches = replace(parts.train, seed=seed)
                Rise(model, optimizer, schedule, batches, parts.val, device, observers, update, rates).rise()

    def _check_counts(self, rows: Split) -> None:
        """A sweep has no epochs to be counted, and validates nothing."""


class Rise(Loop):
    """A loop that trains update by update, through as many epochs as it takes, until a Sweeper has seen enough."""

    def rise(self) -> None:
        try:
            while True:
                self.began = time.perf_counter()
                self._train()
                self.epoch, self.done = self.epoch + 1, 0
        except SweepOver:
            return


class SweepOver(Exception):
    """The sweep has made its last update."""


class Sweeper(Observer):
    """Writes the row of every update of sweep `sweep`, and ends it at its last one or where the loss diverges."""

    def __init__(self, log: LogWriter, beat: Beat, finder: Finder, sweep: int, columns: tuple[str, ...]) -> None:
        self._log, self._beat, self._finder, self._sweep = log, beat, finder, sweep
        self._columns = columns
        self._phase = f"raising the LR{_which(finder, sweep)}: update"
        self._smooth = Smoother()
        self._lowest = math.inf

    def after_batch(self, loop: Loop) -> None:
        seconds = time.perf_counter() - loop.batch_began
        self._beat.batch(seconds, phase=self._phase, done=loop.step + 1, total=self._finder.steps)

    def after_update(self, loop: Loop) -> None:
        finder, loss = self._finder, float(loop.loss)
        smoothed = self._smooth(loss)
        self._lowest = min(self._lowest, smoothed)
        done = self._sweep * finder.steps + loop.step
        groups = dict(zip(self._columns, loop.lrs, strict=True)) if self._columns else {}
        self._log.step(step=done, epoch=self._sweep, lr=loop.lr, loss=loss, smoothed=smoothed, **groups)
        self._beat.batch(
            time.perf_counter() - loop.batch_began,
            phase=self._phase,
            done=loop.step + 1,
            total=finder.steps,
            step=done,
            epoch=self._sweep,
        )
        # Written so that a loss that is no number ends it as well.
        diverged = not (math.isfinite(loss) and smoothed <= finder.diverged * self._lowest)
        if diverged or loop.step + 1 == finder.steps:
            how = "diverged" if diverged else "ended"
            _log.info("sweep %d %s at update %d, LR %s", self._sweep + 1, how, loop.step + 1, number(loop.lr))
            raise SweepOver


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Puts every generator of this process back where it was: Python's, NumPy's, torch's on the CPU and on GPUs."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def _which(finder: Finder, sweep: int) -> str:
    return f", seed {sweep + 1} of {finder.seeds}" if finder.seeds > 1 else ""
