"""One go at a run: its parts put together from run.json, trained to the end, the models kept."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from lrlab.datasets import Dataset, Progress, Split, decoded, load_dataset, split
from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.runs import Attempt, Beat, Run, RunRecord, open_log, revise, stop_requested
from lrlab.runs.stopping import course_of
from lrlab.schedules import Curve, label
from lrlab.training.batches import EvalBatches, Pictures, TrainBatches, eval_batch_size
from lrlab.training.checkpoints import ModelFacts, save_model
from lrlab.training.devices import Device, own_threads
from lrlab.training.evaluation import write_predictions
from lrlab.training.gradient import Gradient
from lrlab.training.lease import Lease
from lrlab.training.loop import Loop, Update
from lrlab.training.loss import build_loss
from lrlab.training.memory import CudaMemory, OutOfMemory, fitting_batch, small_update
from lrlab.training.models import build_model, check_batch
from lrlab.training.normalization import Normalization, statistics
from lrlab.training.observers import EarlyStop, Hand, Heartbeat, Keeper, Recorder, StopRequested, StopWatch
from lrlab.training.optimizers import build_optimizer
from lrlab.training.rates import Rates
from lrlab.training.resuming import Checkpointer, device_of, remark, restore, seed_all
from lrlab.training.schedulers import Driver, check

AFTER_STOP = 10.0
"""Seconds for the predictions of a run that a person stopped: nobody wants to wait longer for them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Parts:
    """The batches of each part; `test` is None where the data set has none. `labels`: of the training images."""

    dataset: Dataset
    labels: NDArray[np.int64]
    train: TrainBatches
    val: EvalBatches
    test: EvalBatches | None


class Session:
    """Trains `run` as attempt `attempt` while `lease` lasts. `result`: what has come out so far, after an error too."""

    def __init__(self, home: Home, run: Run, attempt: Attempt, beat: Beat, lease: Lease) -> None:
        self._home = home
        self._run = run
        self._attempt = attempt
        self._beat = beat
        self._lease = lease
        self._record = run.record
        self._experiment = self._record.experiment
        self._stop = StopWatch(lambda: stop_requested(run))
        self.result = self._record.result

    def train(self) -> None:
        """Trains to the end. StopRequested once a person asked for it and the model so far was kept; what else is
        raised ended the run before its end."""
        experiment = self._experiment
        check_batch(experiment)
        device = device_of(self._record, own_threads())
        self._tell_device(device)
        parts = self._parts(device)
        self._say("checking the schedule")
        previewed = check(
            experiment.schedule,
            experiment.optimizer.lr,
            experiment.epochs,
            self._record.steps_per_epoch,
            lambda done, total: self._say("checking the schedule", done, total),
            more_epochs=max(0, self._record.more_epochs),
        )
        self._say("building the model")
        seen = replace(parts, test=None)
        try:
            self._fit(device, parts, previewed)
            seen = parts
            self._evaluate(device, parts, self._say)
        except StopRequested:
            # A run that may go on keeps its test images for the end, where they are looked at once. Predictions that
            # are there are its best model's, from an earlier attempt, perhaps with test images: they stay.
            known = seen.test is None and self._run.predictions.exists()
            if self.result.best_epoch is not None and not known:
                self._evaluate(device, seen, self._beat.say, AFTER_STOP)
            raise

    def _say(self, what: str, done: int = 0, total: int = 0) -> None:
        self._lease.look()
        self._stop.look()
        self._beat.say(what[:1].lower() + what[1:], done, total)

    def _tell(self, **facts: object) -> None:
        """Writes facts about this attempt into run.json."""
        told = self._attempt.model_copy(update=facts)

        def change(record: RunRecord) -> dict[str, object]:
            return {"attempts": tuple(told if known == self._attempt else known for known in record.attempts)}

        revise(self._run, change)
        self._attempt = told

    def _tell_device(self, device: Device) -> None:
        self._tell(device=device.text, processor=device.device.type, precision=device.precision, threads=device.threads)
        _log.info("%s on %s, torch %s", self._record.name, device.text, torch.__version__)

    def _parts(self, device: Device) -> _Parts:
        experiment = self._experiment
        dataset = self._dataset()
        rows = split(dataset, experiment.validation)
        self._check_counts(rows)
        images = decoded(self._home, dataset, experiment.image_size, self._say)
        labels = dataset.images["label"].to_numpy(dtype="int64")
        normalization = statistics(experiment, images, rows.train, self._say)
        pictures = Pictures(images, labels, experiment.image_size, device.device, normalization, self._say)
        self._tell(placement=pictures.placement)
        _log.info("%s: %d images to train on, %d to validate", dataset.name, len(rows.train), len(rows.val))
        together = eval_batch_size(experiment.batch_size, experiment.image_size, device.device)
        return _Parts(
            dataset,
            labels[rows.train],
            TrainBatches(pictures, rows.train, experiment.batch_size, experiment.seed, experiment.augment),
            EvalBatches(pictures, rows.val, together),
            EvalBatches(pictures, rows.test, together) if len(rows.test) else None,
        )

    def _dataset(self) -> Dataset:
        facts = self._record.dataset
        try:
            return load_dataset(self._home, facts.id)
        except NotFound as error:
            raise LabError(f"dataset: {facts.name!r} was deleted after the run was asked for", "dataset") from error

    def _check_counts(self, rows: Split) -> None:
        planned, found = self._record.steps_per_epoch, len(rows.train) // self._experiment.images_per_update
        if found != planned:
            raise LabError(
                f"dataset: {len(rows.train)} images to train on give {found} steps per epoch, "
                f"the run was asked for with {planned}",
                "dataset",
            )
        if not len(rows.val):
            raise LabError(
                "dataset: no image is left to validate on; allowed: a class of two images or more", "dataset"
            )

    def _fit(self, device: Device, parts: _Parts, previewed: Curve) -> None:
        experiment, facts = self._experiment, self._facts(parts.train.pictures.normalization)
        seed_all(experiment.seed)
        model = build_model(
            experiment.model,
            len(facts.classes),
            facts.image_size,
            init=experiment.init,
            pretrained=experiment.pretrained,
            progress=self._say,
        ).to(device.device)
        optimizer = build_optimizer(experiment, model)
        rates = Rates(optimizer)
        schedule = Driver(
            experiment.schedule,
            optimizer,
            experiment.epochs,
            self._record.steps_per_epoch,
            max(0, self._record.more_epochs),
        )
        weights = sum(parameter.numel() for parameter in model.parameters())
        _log.info("%s, %d weights, %s", facts.model, weights, label(experiment.schedule))
        gradient = Gradient(model, experiment.regularization, experiment.clip, experiment.grad_norm)
        loss = build_loss(experiment.regularization, parts.labels, len(facts.classes)).to(device.device)
        columns = (*_columns(gradient, moves_momentum=previewed.momentum is not None), *rates.columns)
        with open_log(self._run, self._attempt.number, extra_step_columns=columns) as log:
            recorder = Recorder(log, experiment.images_per_update, columns)
            keeper = Keeper(self._run.best_model, facts, self._beat, self._record.best_by, self._another_best)
            early = EarlyStop(experiment.early_stopping, lambda: course_of(self._run.record))
            heartbeat = Heartbeat(self._beat, experiment.images_per_update, self._record.steps)
            hand = Hand(self._run, self._lease.check)
            checkpointer = Checkpointer(self._run, self._attempt.number, log, self._beat)
            observers = (self._lease, recorder, heartbeat, keeper, early, hand, checkpointer, self._stop)
            update = Update(loss, gradient, experiment.accumulate)
            loop = Loop(
                model,
                optimizer,
                schedule,
                parts.train,
                parts.val,
                device,
                observers,
                update,
                rates,
                experiment.watched,
            )
            self._go_on(loop, early)
            hand.look(loop)
            self._say("first batch")
            full = False
            try:
                loop.fit(self._record.epochs)
                checkpointer.save(loop)
            except StopRequested:
                # First the checkpoint, should the disk have room or the supervisor time for one of them only: it can
                # give the last model again. And who has that one had a checkpoint (`checkpoints_lost`).
                checkpointer.save(loop)
                self._save_last(loop, facts)
                raise
            except torch.OutOfMemoryError:
                if device.device.type != "cuda":
                    raise
                _log.exception("the GPU's memory is full")
                full = True
            finally:
                # The score on the test images stays where the best model did (`_another_best`).
                tested = self.result.model_dump(include={"test_accuracy", "test_loss"})
                told = {"stopped_at": early.stopped_at, "closing": early.closing, **tested}
                self.result = keeper.result.model_copy(update=told)
        if full:  # measured only here, where the error and all that its frames held are gone
            self._say("measuring what fits into the GPU's memory")
            raise OutOfMemory(fitting_batch(CudaMemory(device.device), small_update(loop), experiment.batch_size))
        self._save_last(loop, facts)

    def _go_on(self, loop: Loop, early: EarlyStop) -> None:
        """Takes up the run where its earlier attempts left it, if there were any."""
        earlier = self._record.attempts[:-1]
        if not earlier:
            return
        told = partial(self._say, "reading the checkpoint")
        told()
        checkpoint = restore(loop, self._run, earlier, told, self._lease.held, self._another_best)
        if loop.ended and self._record.more_from == loop.epoch + 1:
            early.go_on(loop)
        self._tell(
            first_step=checkpoint.step if checkpoint else 0,
            validates_first=loop.done == loop.updates_per_epoch and loop.score is None,
            remark=remark(self._attempt, earlier, anew=checkpoint is None),
        )
        _log.info("goes on at update %d. %s", self._attempt.first_step, self._attempt.remark)

    @contextmanager
    def _another_best(self) -> Iterator[None]:
        """Holds the lease while the best model is replaced; what the one before said of the images goes with it."""
        if self.result.test_accuracy is not None:
            self._withdraw_test()
        with self._lease.held():
            self._run.predictions.unlink(missing_ok=True)
            yield

    def _withdraw_test(self) -> None:
        """The score on the test images is the old model's: should this attempt be killed, the run has none."""
        self.result = self.result.model_copy(update={"test_accuracy": None, "test_loss": None})

        def change(record: RunRecord) -> dict[str, object]:
            self._lease.check(record)
            return {"result": self.result}

        revise(self._run, change)

    def _facts(self, normalization: Normalization) -> ModelFacts:
        return ModelFacts(
            model=self._experiment.model.name,
            dropout=self._experiment.model.dropout,
            batch_norm=self._experiment.model.batch_norm,
            classes=self._record.dataset.classes,
            image_size=self._experiment.image_size,
            mean=normalization.mean,
            std=normalization.std,
            run=self._run.id,
        )

    def _save_last(self, loop: Loop, facts: ModelFacts) -> None:
        told = partial(self._beat.say, "saving")
        told()
        validated = {"val_accuracy": loop.score.accuracy, "val_loss": loop.score.loss} if loop.score else {}
        whole = facts.model_copy(update={"epoch": loop.epoch, **validated})
        save_model(self._run.last_model, loop.model, whole, self._lease.held(), told)

    def _evaluate(self, device: Device, parts: _Parts, say: Progress, seconds: float = math.inf) -> None:
        """The best model on all that it did not learn from: once on the test images, by which nothing was chosen."""
        asked = {"val": parts.val} | ({"test": parts.test} if parts.test else {})
        found = write_predictions(self._run, parts.dataset, asked, device, say, seconds, self._lease.held())
        if "test" in found:
            score = found["test"]
            self.result = self.result.model_copy(update={"test_accuracy": score.accuracy, "test_loss": score.loss})


def _columns(gradient: Gradient, moves_momentum: bool) -> tuple[str, ...]:
    """What the log of updates has beside its fixed columns, but for the groups' LRs."""
    asked = {"momentum": moves_momentum, "grad_norm": gradient.measures, "clipped": gradient.clips}
    return ("accuracy", *(name for name, there in asked.items() if there))
